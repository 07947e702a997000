// `fillstream quarantine`: the refused records, what was wrong with them, and back they go.

import { REFUSAL_REASONS } from '@fillstream/core';
import { PortError } from '@fillstream/runtime';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { tell, wholeNumber } from '../flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';
import { expectedOf } from './expected.ts';
import { leaveSoon, printLine, wantsJson } from './output.ts';
import { QUARANTINE, entriesAt, entryJson, entryLine, entryPage, originOf, readEntries, type Entry } from './quarantine-entry.ts';
import { carryOut, planRetries, type Planned, type Verdict } from './retry.ts';
import { FROM_HELP, fromOf, placeOf, placeText, stretchesOf } from './where.ts';

type JsonFlag = { readonly json: boolean };
type ListFlags = KafkaFlags & JsonFlag & { readonly reason?: string; readonly from: string; readonly limit?: number };
type RetryFlags = KafkaFlags & JsonFlag & { readonly reason?: string; readonly dryRun: boolean };

export function quarantineCommand(): Command {
  const command = new Command('quarantine').description('Refused records: what they are, why, and writing them again.');
  const list = command.command('list').description('Show refused records: a line each on a terminal, NDJSON where none reads them.')
    .addOption(reasonOption('refused for this only'))
    .option('--from <where>', FROM_HELP, 'earliest')
    .option('--limit <number>', 'at most so many', wholeNumber);
  const show = command.command('show').description('Show one: why it was refused, where it came from, its bytes, and what was expected.')
    .argument('<place>', 'PARTITION/OFFSET, as `list` has it');
  const retry = command.command('retry').description('Write refused records onto their input topics again, each once.')
    .argument('[place...]', 'PARTITION/OFFSET, as `list` has it')
    .addOption(reasonOption('all that were refused for this'))
    .option('--dry-run', 'tell what would be written', false);
  for (const each of [list, show, retry]) {
    each.option('--json', 'NDJSON on a terminal too', false);
    for (const option of kafkaFlags()) each.addOption(option);
  }
  list.action(listEntries);
  show.action(showEntry);
  retry.action(retryEntries);
  return command;
}

function reasonOption(about: string): Option {
  return new Option('--reason <reason>', about).choices(REFUSAL_REASONS);
}

async function listEntries(flags: ListFlags): Promise<void> {
  const { limit = Infinity } = flags;
  const toLine = wantsJson(flags) ? (entry: Entry) => entryJson(entry) : entryLine;
  let shown = 0;
  for await (const entry of entriesFrom(flags)) {
    await printLine(toLine(entry));
    shown += 1;
    if (shown >= limit) break;
  }
  if (shown === 0 && !wantsJson(flags)) tell('nothing was refused');
  leaveSoon();
}

async function* entriesFrom(flags: Pick<ListFlags, 'reason' | 'from'> & KafkaFlags): AsyncGenerator<Entry> {
  const from = fromOf(flags.from, Date.now());
  const { kafka, registry } = kafkaOptions(flags);
  const { boundsOf } = await import('@fillstream/kafka');
  const stretches = await stretchesOf(kafka, QUARANTINE, await boundsOf(kafka, QUARANTINE), from, { follow: false });
  for await (const entry of readEntries(kafka, registry, stretches)) {
    if (flags.reason === undefined || entry.refused.reason === flags.reason) yield entry;
  }
}

async function showEntry(text: string, flags: KafkaFlags & JsonFlag): Promise<void> {
  const place = placeOf(text);
  const { kafka, registry } = kafkaOptions(flags);
  for (const entry of await entriesAt(kafka, registry, [place])) {
    await printLine(flags.json ? entryJson(entry, { expected: expectedOf(entry.refused) }) : entryPage(entry));
  }
  leaveSoon();
}

async function retryEntries(texts: readonly string[], flags: RetryFlags): Promise<void> {
  if ((texts.length > 0) === (flags.reason !== undefined)) throw new UsageError('expected PARTITION/OFFSET, or --reason');
  const places = texts.map(placeOf);
  const { kafka, registry } = kafkaOptions(flags);
  const entries = flags.reason === undefined ? await entriesAt(kafka, registry, places) : await collected(entriesFrom({ ...flags, from: 'earliest' }));
  const plan = await planRetries(kafka, registry, entries);
  const written = flags.dryRun ? new Map<Entry, string>() : await carryOut(kafka, plan);
  for (const planned of plan) await printLine(resultOf(planned, written.get(planned.entry) ?? null, flags.json));
  leaveSoon();
  const left = plan.filter(({ verdict }) => verdict.kind !== 'write').length;
  if (texts.length > 0 && left > 0) {
    throw new PortError('mismatch', `${String(left)} of ${String(plan.length)} can't be written again; the output says why`, { retryable: false });
  }
  if (!flags.json) tell(`${String(plan.length - left)} ${flags.dryRun ? 'would be written' : 'written'}, ${String(left)} left out`);
}

async function collected(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

function resultOf({ entry: { place, refused }, verdict }: Planned, as: string | null, json: boolean): string {
  const what = whatOf(verdict, as);
  if (!json) return `${placeText(place).padEnd(10)} ${refused.reason.padEnd(17)} ${originOf(refused).padEnd(20)} ${what}`;
  return JSON.stringify({ place: placeText(place), reason: refused.reason, from: originOf(refused), outcome: outcomeOf(verdict, as), as: as ?? (verdict.kind === 'retried' ? verdict.as : null), what });
}

function outcomeOf({ kind }: Verdict, as: string | null): string {
  if (kind !== 'write') return kind;
  return as === null ? 'would be written' : 'written';
}

function whatOf(verdict: Verdict, as: string | null): string {
  switch (verdict.kind) {
    case 'write': return as === null ? 'would be written again' : `written again as ${as}`;
    case 'retried': return verdict.as === null ? 'is the same record as one before it in this list' : `left out: it was written again before, as ${verdict.as}`;
    case 'impossible': return `left out: ${verdict.why}`;
  }
}
