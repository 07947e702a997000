// What must hold of the broker's truth when all has drained, in the words of Jepsen's Kafka workload.
//
//   unseen      an input that no commit covers          aborted read   an output of something that was never an input
//   lost        a signal that isn't there               duplicated     a signal, or an input, that is there twice
//   reordered   all are there, in another order         different      a field of a signal is another
//
// Q1  Nothing here asks the core: what should be there is the oracle's, of the inputs in the recorded merge.

import { decodeInput, decodeQuarantined, decodeSignal } from '@fillstream/schemas';
import { INPUT_TOPICS, readCommit, type Committed } from '@fillstream/topics';
import { foldMerged, type Outcome, type Step } from '../oracle/oracle.ts';
import type { Settings } from '../oracle/settings.ts';
import { keyPartition } from './key-partition.ts';
import type { Simulation } from './simulation.ts';
import type { SimRecord } from './topic.ts';

const ALL = Number.MAX_SAFE_INTEGER;

type Applied = { readonly topic: number; readonly record: SimRecord };

/** Adds to the run's problems; returns what was found in the partition. */
export function checkPartition(simulation: Simulation, partition: number, settings: Partial<Settings>): Outcome {
  const problem = (text: string): void => simulation.problem(`${text} (partition ${String(partition)})`);
  const read = (topic: Parameters<Simulation['broker']['read']>[0]): readonly SimRecord[] => (
    simulation.broker.read(topic, partition, 0, ALL, { committed: true }).records
  );
  const inputs = INPUT_TOPICS.map(read);
  for (const { key } of inputs.flat()) {
    if (key !== null && keyPartition(key, simulation.partitions) !== partition) problem(`different: key ${key} is on the wrong partition`);
  }
  const commits = read('commits').map(({ value }) => readCommit(value ?? new Uint8Array()));
  const { steps, applied } = merged(inputs, commits, problem);
  const outcome = foldMerged(steps, INPUT_TOPICS.length, settings);
  compareSignals(outcome.signals.map((signal) => JSON.stringify(signal)), read('signals').map(textOf), problem);
  compareQuarantine(outcome, applied, partition, read('quarantine'), problem);
  const end = commits.at(-1)?.to.position.offsets ?? [];
  for (const [topic, name] of INPUT_TOPICS.entries()) {
    const offset = simulation.broker.committedTo(name, partition);
    if (offset !== (end[topic] ?? 0)) problem(`different: the group is at ${String(offset)} of ${name}, the last commit at ${String(end[topic])}`);
  }
  return outcome;
}

/** The inputs as the commits say that they were merged; each once, none left out. */
function merged(
  inputs: readonly (readonly SimRecord[])[], commits: readonly Committed[], problem: (text: string) => void,
): { readonly steps: readonly Step[]; readonly applied: readonly Applied[] } {
  const places = inputs.map(() => 0);
  const steps: Step[] = [];
  const applied: Applied[] = [];
  const greatest = inputs.map(() => 0);
  let first = 0;
  let at: readonly number[] = inputs.map(() => 0);
  for (const { from, to, merge, clocks } of commits) {
    if (from.join(',') !== at.join(',')) problem(`${from.some((offset, topic) => offset < (at[topic] ?? 0)) ? 'duplicated' : 'unseen'}: a commit begins at ${from.join(',')}, and the one before ended at ${at.join(',')}`);
    for (const { topic, count } of merge) {
      for (let left = count; left > 0; left -= 1) {
        const place = places[topic] ?? 0;
        const record = inputs[topic]?.[place];
        places[topic] = place + 1;
        if (record === undefined) {
          problem(`aborted read: a commit counts more records of ${INPUT_TOPICS[topic] ?? ''} than there are`);
          continue;
        }
        steps.push({ kind: 'line', topic, line: lineOf(topic, record) });
        applied.push({ topic, record });
        greatest[topic] = Math.max(greatest[topic] ?? 0, record.timestamp ?? 0);
        if (first === 0) first = record.timestamp ?? 0;
      }
    }
    checkPlace(inputs, places, to.position.offsets, problem);
    checkClocks(inputs, places, greatest, first, clocks, problem);
    steps.push({ kind: 'clocks', clocks });
    at = to.position.offsets;
  }
  for (const [topic, records] of inputs.entries()) {
    const left = records.length - (places[topic] ?? 0);
    if (left > 0) problem(`unseen: ${String(left)} records of ${INPUT_TOPICS[topic] ?? ''} are in no commit`);
  }
  return { steps, applied };
}

/** A commit ends after its last record of each topic, and not after the next. */
function checkPlace(inputs: readonly (readonly SimRecord[])[], places: readonly number[], offsets: readonly number[], problem: (text: string) => void): void {
  for (const [topic, records] of inputs.entries()) {
    const place = places[topic] ?? 0;
    const [last, next] = [place === 0 ? -1 : records[place - 1]?.offset ?? Infinity, records[place]?.offset ?? Infinity];
    const offset = offsets[topic] ?? 0;
    if (offset <= last || offset > next) problem(`unseen: a commit ends at ${String(offset)} of ${INPUT_TOPICS[topic] ?? ''}, and its records at ${String(last)}`);
  }
}

/** No clock is ahead of the records that were met: those applied, the first of all, and one more of each topic that may be under way. */
function checkClocks(
  inputs: readonly (readonly SimRecord[])[], places: readonly number[], greatest: readonly number[], first: number, clocks: readonly number[],
  problem: (text: string) => void,
): void {
  const next = inputs.map((records, topic) => records[places[topic] ?? 0]?.timestamp ?? 0);
  for (const [topic, clock] of clocks.entries()) {
    if (clock <= Math.max(greatest[topic] ?? 0, next[topic] ?? 0, first) || (first === 0 && clock <= Math.max(...next))) continue;
    problem(`different: the clock of ${INPUT_TOPICS[topic] ?? ''} says ${String(clock)}, and no record that was read does`);
  }
}

function lineOf(topic: number, { note, value }: SimRecord): string {
  if (note !== undefined) return note;
  const decoded = decodeInput(INPUT_TOPICS[topic] ?? 'fills', value ?? new Uint8Array());
  return decoded.kind === 'record' ? JSON.stringify(decoded.json) : Buffer.from(decoded.raw).toString('utf8');
}

function textOf({ value }: SimRecord): string {
  return JSON.stringify(decodeSignal(value ?? new Uint8Array()));
}

function compareSignals(expected: readonly string[], found: readonly string[], problem: (text: string) => void): void {
  const at = expected.findIndex((text, place) => text !== found[place]);
  if (at < 0 && expected.length === found.length) return;
  const place = at < 0 ? expected.length : at;
  const [wanted, had] = [expected[place], found[place]];
  const what = wordFor(expected, found);
  problem(`${what}: signal ${String(place + 1)} of ${String(expected.length)} | ${String(found.length)}: expected ${wanted ?? 'nothing'}, found ${had ?? 'nothing'}`);
}

function wordFor(expected: readonly string[], found: readonly string[]): string {
  const [wanted, had] = [tally(expected), tally(found)];
  const missing = [...wanted].filter(([text, count]) => (had.get(text) ?? 0) < count).map(([text]) => text);
  const surplus = [...had].filter(([text, count]) => (wanted.get(text) ?? 0) < count).map(([text]) => text);
  if (missing.length === 0 && surplus.length === 0) return 'reordered';
  if (surplus.some((text) => wanted.has(text))) return 'duplicated';
  if (missing.length > 0 && surplus.length > 0) return 'different';
  return missing.length > 0 ? 'lost' : 'aborted read';
}

function tally(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function compareQuarantine(
  { quarantine, refusedAt }: Outcome, applied: readonly Applied[], partition: number, found: readonly SimRecord[], problem: (text: string) => void,
): void {
  if (quarantine.length !== found.length) problem(`${quarantine.length > found.length ? 'lost' : 'duplicated'}: ${String(quarantine.length)} records are refused, and ${String(found.length)} in the quarantine`);
  for (const [place, { reason }] of quarantine.entries()) {
    const source = applied[refusedAt[place] ?? -1];
    const value = found[place]?.value ?? null;
    if (source === undefined || value === null) return;
    const entry = decodeQuarantined(value);
    const { record, topic } = source;
    const isSame = entry.reason === reason && entry.topic === INPUT_TOPICS[topic] && entry.partition === partition && entry.offset === record.offset;
    if (isSame && isSameText(record, entry.original)) continue;
    problem(`different: ${INPUT_TOPICS[topic] ?? ''} ${String(record.offset)} is refused as ${reason}, and in the quarantine is ${entry.reason} of ${entry.topic} ${String(entry.offset)}`);
    return;
  }
}

/** The same JSON value, or the same bytes. */
function isSameText({ note, value }: SimRecord, original: Uint8Array): boolean {
  if (note === undefined) return true;
  const text = Buffer.from(original).toString('utf8');
  if (text === note || Buffer.compare(Buffer.from(value ?? new Uint8Array()), Buffer.from(original)) === 0) return true;
  try {
    return canonical(JSON.parse(text)) === canonical(JSON.parse(note));
  } catch {
    return false;
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner
  ));
}
