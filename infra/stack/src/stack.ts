// A local stack in a folder: up, down, and what is true of it.
//
// S1  stack.json names a process before anything waits for it; `down` finds all that `up` started, also one that was cut short.
// S2  Only a process that `up` started is ever ended (P2).
// S3  Data stays between `down` and `up`; ports do where they are still free.
// S4  `up` starts what doesn't run and leaves alone what does.
//
//        up                 a part dies                 up
//   none ──▶ all run ───────────────────▶ some run ───────▶ all run
//   down: ──▶ none run

import { resolve } from 'node:path';
import { fetchArtifacts } from './artifacts.ts';
import { dockerAnswers, dockerDown, dockerRunning, dockerUp } from './docker.ts';
import { StackError } from './errors.ts';
import { isRunning, type ProcessIdentity } from './identity.ts';
import { stopTogether } from './kafka.ts';
import type { Brokers } from './kafka-properties.ts';
import { addressesOf, isKafka, newParts, specsOf, wantedParts, type Addresses } from './parts.ts';
import { StackProcess, type ProcessSpec } from './process.ts';
import { readState, withLock, writeState, type Mode, type PartState, type StackState } from './state.ts';

export interface UpOptions {
  readonly folder: string;
  readonly brokers: Brokers;
  /** Containers where a Docker daemon answers, else processes; a stack with data keeps to what it was. */
  readonly mode?: Mode;
}

export interface PartStatus extends Omit<PartState, 'process'> {
  readonly running: boolean;
  /** Null when it doesn't run, and in containers. */
  readonly pid: number | null;
}

export interface StackStatus extends Addresses {
  readonly mode: Mode;
  readonly brokers: Brokers;
  readonly parts: readonly PartStatus[];
}

export interface UpReport {
  /** What was started; none when all was up already. */
  readonly started: readonly string[];
  /** Parts that aren't on their default port, because it is taken. */
  readonly moved: readonly { readonly name: string; readonly wanted: number; readonly port: number }[];
  readonly status: StackStatus;
}

export interface DownReport {
  /** What ran and was ended. */
  readonly stopped: readonly string[];
  /** What wasn't running any more. */
  readonly gone: readonly string[];
}

/** Starts what of the stack doesn't run, and waits until all answer. Throws StackError. */
export async function up({ folder: path, brokers, mode }: UpOptions): Promise<UpReport> {
  const folder = resolve(path);
  return await withLock(folder, async () => {
    const before = readState(folder);
    const running = before === null ? [] : await runningParts(folder, before);
    const state = before === null || running.length === 0 ? await newState(folder, { brokers, mode }, before) : before;
    refuseOther(folder, state, { brokers, mode });
    const missing = state.parts.filter(({ name }) => !running.includes(name)).map(({ name }) => name);
    if (missing.length > 0) await startParts(folder, state, missing);
    return { started: missing, moved: movedParts(state), status: await statusOf(folder, readState(folder) ?? state) };
  });
}

/** Ends all processes of the stack, and none but these; its data stays. Throws StackError. */
export async function down(path: string): Promise<DownReport> {
  const folder = resolve(path);
  if (readState(folder) === null) return { stopped: [], gone: [] };
  return await withLock(folder, async () => {
    const state = readState(folder);
    if (state === null) return { stopped: [], gone: [] };
    const stopped = await runningParts(folder, state);
    if (state.mode === 'docker') await dockerDown(folder, state);
    else await stopParts(state.parts);
    writeState(folder, { ...state, parts: state.parts.map((part) => ({ ...part, process: null })) });
    return { stopped, gone: state.parts.map(({ name }) => name).filter((name) => !stopped.includes(name)) };
  });
}

/** What is true now; null when there never was a stack in the folder. Throws StackError. */
export async function status(path: string): Promise<StackStatus | null> {
  const folder = resolve(path);
  const state = readState(folder);
  return state === null ? null : await statusOf(folder, state);
}

async function statusOf(folder: string, state: StackState): Promise<StackStatus> {
  const running = await runningParts(folder, state);
  const parts = state.parts.map(({ process, ...part }) => {
    const runs = running.includes(part.name);
    return { ...part, running: runs, pid: runs ? process?.pid ?? null : null };
  });
  return { mode: state.mode, brokers: state.brokers, ...addressesOf(state.parts), parts };
}

async function runningParts(folder: string, state: StackState): Promise<readonly string[]> {
  if (state.mode === 'docker') return await dockerRunning(folder, state);
  return state.parts.filter(({ process }) => process !== null && isRunning(process)).map(({ name }) => name);
}

interface Wish {
  readonly brokers: Brokers;
  readonly mode?: Mode | undefined;
}

async function newState(folder: string, { brokers, mode }: Wish, before: StackState | null): Promise<StackState> {
  const same = before?.brokers === brokers ? before : null;
  const chosen = mode ?? same?.mode ?? (await dockerAnswers() ? 'docker' : 'processes');
  if (chosen === 'processes' && process.platform === 'win32') {
    throw new StackError('missing', 'no Docker daemon answers, and Windows needs one for the local stack: start Docker Desktop');
  }
  return { format: 1, mode: chosen, brokers, parts: await newParts(folder, brokers, chosen, same?.parts ?? []) };
}

function refuseOther(folder: string, state: StackState, { brokers, mode = state.mode }: Wish): void {
  if (state.brokers === brokers && state.mode === mode) return;
  const is = `${state.brokers === 1 ? 'one broker' : 'three brokers'} as ${state.mode}`;
  throw new StackError('mismatch', `the stack in ${folder} is up with ${is}: run \`fillstream stack down\` first`);
}

function movedParts({ brokers, parts }: StackState): UpReport['moved'] {
  const wanted = new Map(wantedParts(brokers).map(({ name, port }) => [name, port]));
  return parts.map(({ name, port }) => ({ name, wanted: wanted.get(name) ?? port, port }))
    .filter((part) => part.wanted !== part.port);
}

async function startParts(folder: string, state: StackState, missing: readonly string[]): Promise<void> {
  if (state.mode === 'docker') {
    writeState(folder, state);
    await dockerUp(folder, state);
    return;
  }
  const specs = specsOf(folder, state, await fetchArtifacts()).filter(({ name }) => missing.includes(name));
  await startProcesses(specs, recorder(folder, state));
}

/** Starts all at the same time; what started well stays up when another fails, for `up` to go on with. */
async function startProcesses(specs: readonly ProcessSpec[], record: Recorder): Promise<void> {
  const results = await Promise.allSettled(specs.map((spec) => {
    return new StackProcess(spec, { onChange: (identity) => { record(spec.name, identity); } }).start();
  }));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

type Recorder = (name: string, identity: ProcessIdentity | null) => void;

function recorder(folder: string, state: StackState): Recorder {
  const identities = new Map(state.parts.map(({ name, process }) => [name, process]));
  return (name, identity) => {
    identities.set(name, identity);
    writeState(folder, { ...state, parts: state.parts.map((part) => ({ ...part, process: identities.get(part.name) ?? null })) });
  };
}

async function stopParts(parts: readonly PartState[]): Promise<void> {
  const [nodes, others] = [parts.filter(isKafka), parts.filter((part) => !isKafka(part))];
  await Promise.all([stopTogether(nodes.map(processOf)), ...others.map((part) => processOf(part).stop())]);
}

function processOf({ name, folder, log, process }: PartState): StackProcess {
  return new StackProcess(bareSpec(name, folder ?? '', log ?? ''), { identity: process });
}

/** Enough to end a process of an earlier command. */
function bareSpec(name: string, folder: string, log: string): ProcessSpec {
  const [prepare, probe] = [() => Promise.resolve(), () => Promise.resolve(false)];
  return { name, folder, log, command: '', args: [], env: {}, readyLine: '', prepare, probe };
}
