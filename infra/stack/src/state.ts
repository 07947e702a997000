// FOLDER/stack.json: what a stack is made of and which processes are its own. And the lock that lets one command at a time
// work on a folder.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StackError } from './errors.ts';
import type { ProcessIdentity } from './identity.ts';
import type { Brokers } from './kafka-properties.ts';

/** Raised when the file changes its shape. */
const FORMAT = 1;

/** How a stack runs: as containers, or as processes of this machine. */
export type Mode = 'docker' | 'processes';

export interface PartState {
  /** `kafka`, `kafka-1` .., `redis` or `registry`. */
  readonly name: string;
  /** Where it answers. */
  readonly port: number;
  /** Kafka's own, for its quorum; 0 for others and in containers. */
  readonly controllerPort: number;
  /** Its data and its log; null in containers. */
  readonly folder: string | null;
  readonly log: string | null;
  readonly process: ProcessIdentity | null;
}

export interface StackState {
  readonly format: number;
  readonly mode: Mode;
  readonly brokers: Brokers;
  readonly parts: readonly PartState[];
}

/** Null when there never was a stack in the folder. Throws StackError `mismatch`. */
export function readState(folder: string): StackState | null {
  const text = readText(stateFile(folder));
  if (text === null) return null;
  const state = parse(text, folder);
  if (state.format === FORMAT) return state;
  const told = `has format ${state.format}, this version knows ${FORMAT}: use another folder`;
  throw new StackError('mismatch', `${stateFile(folder)} ${told}`);
}

/** Replaces the file as a whole. */
export function writeState(folder: string, state: Omit<StackState, 'format'>): void {
  const draft = `${stateFile(folder)}.draft`;
  writeFileSync(draft, `${JSON.stringify({ format: FORMAT, ...state }, null, 2)}\n`);
  renameSync(draft, stateFile(folder));
}

/** Runs `work` while no other command works on the folder; the lock ends with the process. Throws StackError `in-use`. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const lock = new DatabaseSync(join(folder, 'stack.lock'));
  try {
    takeLock(lock, folder);
    return await work();
  } finally {
    lock.close();
  }
}

function takeLock(lock: DatabaseSync, folder: string): void {
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    throw new StackError('in-use', `another command starts or stops the stack in ${folder}: wait for it`, { cause: error });
  }
}

function stateFile(folder: string): string {
  return join(folder, 'stack.json');
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function parse(text: string, folder: string): StackState {
  try {
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- reads back what writeState wrote
    return JSON.parse(text) as StackState;
  } catch (error) {
    const told = 'isn\'t JSON: delete it when no process of the stack runs';
    throw new StackError('mismatch', `${stateFile(folder)} ${told}`, { cause: error });
  }
}
