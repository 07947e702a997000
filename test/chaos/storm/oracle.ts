// The judge of a storm: what is on the topics and at the subscribers, against the exchange's own ledger and a fold of the topics.
//
// Q1  What is read here is committed, and read past all links, when nothing is written any more.
// Q2  Every finding is told, not the first one alone.

import { DEFAULT_SETTINGS, Partition, type Settings, type Signal } from '@fillstream/core';
import { readTopic, unframed, type KafkaOptions, type TopicRecord } from '@fillstream/kafka';
import { decodeSignal, encodeSignal } from '@fillstream/schemas';
import { INPUT_TOPICS, readCommit, toLogRecord } from '@fillstream/topics';
import type { Filter, Signal as Delivered } from '@fillstream/client';
import type { FakeExchange } from '@fillstream/simulator/exchange';
import { difference, ledgerSums, signalSums } from '../judge.ts';

const SHOWN = 3;
/** A damaged or foreign value is a finding of what decodes it. */
const NOTHING = Buffer.alloc(0);

export type Judged = { readonly findings: readonly string[]; readonly counts: Readonly<Record<string, number>> };
/** What a subscriber had, and what it had asked for. */
export type Heard = {
  readonly name: string;
  readonly filter: Filter;
  readonly received: readonly Delivered[];
  readonly problems: readonly string[];
};

export type Judgement = {
  readonly kafka: KafkaOptions;
  readonly partitions: number;
  readonly settings: Partial<Settings>;
  readonly exchange: FakeExchange;
  readonly heard: readonly Heard[];
};

/** What is there of the topics, read once. */
type Topics = Readonly<Record<'fills' | 'order-updates' | 'signals' | 'commits' | 'quarantine' | 'gaps', readonly TopicRecord[]>>;
/** What filters look at, and a name. */
type Asked = Pick<Delivered, 'id' | 'revision' | 'address' | 'notional'> & { readonly direction: string };
type Read = { readonly partition: number; readonly signal: ReturnType<typeof decodeSignal> };

export async function judged({ kafka, partitions, settings, exchange, heard }: Judgement): Promise<Judged> {
  const topics = await allOf(kafka);
  const signals = topics.signals.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ partition, value }): Read => ({ partition, signal: decodeSignal(bodyOf(value)) }));
  const wrong = difference(signalSums(signals.map(({ signal }) => signal)), ledgerSums(exchange));
  const each = Array.from({ length: partitions }, (_, partition) => [
    ...foldProblems(partition, topics, signals, settings), ...commitProblems(partition, topics.commits),
  ]);
  return {
    findings: [
      ...(wrong === null ? [] : [wrong]), ...each.flat(), ...doubled(signals),
      ...heard.flatMap((one) => heardProblems(one, signals)),
      ...kept('quarantine', topics.quarantine), ...kept('gaps', topics.gaps),
    ],
    counts: {
      'fills': exchange.ledger.fills().length,
      'input records': topics.fills.length + topics['order-updates'].length,
      'signals': signals.length,
      'revisions': signals.filter(({ signal: { revision } }) => revision > 1).length,
      'commits': topics.commits.length,
      'deliveries to clients': heard.reduce((sum, { received }) => sum + received.length, 0),
    },
  };
}

/** Whether the totals of the latest revisions are the exchange's by now; if not, what differs. */
export async function ledgerProblem(kafka: KafkaOptions, exchange: FakeExchange): Promise<string | null> {
  const records = await readTopic(kafka, 'signals');
  return difference(signalSums(records.map(({ value }) => decodeSignal(bodyOf(value)))), ledgerSums(exchange));
}

/** The signals that a client's filter asks for are those that it had. */
export function missingOf({ filter, received }: Pick<Heard, 'filter' | 'received'>, signals: readonly Asked[]): number {
  const had = new Set(received.map(nameOf));
  return signals.filter((signal) => isAsked(filter, signal) && !had.has(nameOf(signal))).length;
}

export async function signalsOf(kafka: KafkaOptions): Promise<ReturnType<typeof decodeSignal>[]> {
  return (await readTopic(kafka, 'signals')).map(({ value }) => decodeSignal(bodyOf(value)));
}

async function allOf(kafka: KafkaOptions): Promise<Topics> {
  const read = async (name: keyof Topics): Promise<TopicRecord[]> => await readTopic(kafka, name);
  return {
    'fills': await read('fills'), 'order-updates': await read('order-updates'), 'signals': await read('signals'),
    'commits': await read('commits'), 'quarantine': await read('quarantine'), 'gaps': await read('gaps'),
  };
}

function bodyOf(value: Buffer | null): Buffer {
  return unframed(value) ?? NOTHING;
}

function of(partition: number, records: readonly TopicRecord[]): TopicRecord[] {
  return records.filter((record) => record.partition === partition).sort((a, b) => a.offset - b.offset);
}

/** The signals of a partition are those that its inputs make in the merge of its commits, in order, in every field. */
function foldProblems(partition: number, topics: Topics, all: readonly Read[], settings: Partial<Settings>): string[] {
  const left = INPUT_TOPICS.map((topic, place) => (
    of(partition, topics[topic]).map(({ offset, value }) => toLogRecord(place, offset, bodyOf(value)).input).reverse()
  ));
  const fold = new Partition({ ...DEFAULT_SETTINGS, ...settings }, INPUT_TOPICS.length);
  const made: Signal[] = [];
  const fireDue = (): void => { while (fold.fireNext(made) === 'fired'); };
  for (const { topic, count } of of(partition, topics.commits).flatMap(({ value }) => readCommit(bodyOf(value)).merge)) {
    for (let number = 0; number < count; number += 1) {
      const input = left[topic]?.pop();
      if (input === undefined) return [`the commits of partition ${partition} have more records than topic ${topic}`];
      if (input.receivedAt !== null) fold.state.advance(topic, input.receivedAt);
      fireDue();
      fold.apply(input, made);
    }
  }
  fireDue();
  const unread = left.reduce((sum, { length }) => sum + length, 0);
  const expected = made.map((signal) => JSON.stringify(decodeSignal(encodeSignal(signal))));
  const got = all.filter((each) => each.partition === partition).map(({ signal }) => JSON.stringify(signal));
  const longer = got.length > expected.length ? got : expected;
  const first = longer.findIndex((_, place) => got[place] !== expected[place]);
  return [
    ...(unread === 0 ? [] : [`${unread} records of partition ${partition} are in no commit`]),
    ...(first < 0 ? [] : [
      `partition ${partition} has ${got.length} signals, the fold ${expected.length}; ` +
      `at ${first}: ${got[first] ?? 'none'} and not ${expected[first] ?? 'none'}`,
    ]),
  ];
}

/** Each commit begins where the one before ended. */
function commitProblems(partition: number, records: readonly TopicRecord[]): string[] {
  const problems: string[] = [];
  let before: readonly number[] | null = null;
  for (const { offset, value } of of(partition, records)) {
    const { from, to } = readCommit(bodyOf(value));
    const end = before?.join() ?? from.join();
    if (end !== from.join()) problems.push(`the commit at ${partition}/${offset} begins at ${from.join()} and not at ${end}`);
    before = to.position.offsets;
  }
  return problems.slice(0, SHOWN);
}

function doubled(signals: readonly Read[]): string[] {
  const names = signals.map(({ signal }) => nameOf(signal));
  const over = names.length - new Set(names).size;
  return over === 0 ? [] : [`${over} signals are on the topic twice`];
}

function kept(topic: string, records: readonly TopicRecord[]): string[] {
  const shown = records.slice(0, SHOWN).map(({ key, value }) => (
    `${key ?? ''} ${(value ?? NOTHING).toString('latin1').replaceAll(/[^ -~]+/g, ' ')}`
  ));
  return records.length === 0 ? [] : [`${records.length} records of ${topic}: ${shown.join('; ')}`];
}

/** Each signal of its filter once, in the order of its partition, as it is on the topic. */
function heardProblems({ name, filter, received, problems }: Heard, signals: readonly Read[]): string[] {
  const expected = signals.filter(({ signal }) => isAsked(filter, signal));
  const wanted = new Map(expected.map(({ partition, signal }) => [nameOf(signal), { partition, text: textOf(signal) }]));
  const names = received.map(nameOf);
  const had = new Set(names);
  const [missing, extra] = [[...wanted.keys()].filter((each) => !had.has(each)), names.filter((each) => !wanted.has(each))];
  const isChanged = (signal: Delivered): boolean => (wanted.get(nameOf(signal))?.text ?? textOf(signal)) !== textOf(signal);
  const changed = received.filter(isChanged).map(nameOf);
  const inOrder = Map.groupBy(names.filter((each) => wanted.has(each)), (each) => wanted.get(each)?.partition ?? -1);
  const moved = Array.from(inOrder).filter(([partition, group]) => {
    const those = expected.filter((each) => each.partition === partition && had.has(nameOf(each.signal)));
    return group.join() !== those.map(({ signal }) => nameOf(signal)).join();
  });
  const found = {
    'missing': missing.length, 'never committed': extra.length, 'twice': names.length - had.size, 'changed': changed.length,
    'partitions out of order': moved.length,
  };
  const told = Object.entries(found).filter(([, count]) => count > 0).map(([what, count]) => `${what} ${count}`);
  if (told.length === 0) return [...problems];
  const shown = [...missing, ...extra, ...changed].slice(0, SHOWN);
  return [...problems, `${name} of ${wanted.size}: ${told.join(', ')}: ${shown.join(', ')}`];
}

function nameOf({ id, revision }: { readonly id: string; readonly revision: number }): string {
  return `${id} ${revision}`;
}

function textOf(signal: object): string {
  return JSON.stringify(Object.entries(signal).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Of the fields that a storm's filters have, written anew. */
function isAsked({ addresses, directions, minNotional }: Filter, { address, direction, notional }: Asked): boolean {
  if (addresses?.includes(address) === false || directions?.some((each) => each === direction) === false) return false;
  return minNotional === undefined || Number(notional) >= Number(minNotional);
}
