// `fillstream backfill`: the past of addresses from REST, onto the input topics or into a journal.

import type { LiveEvent } from '@fillstream/hyperliquid/live';
import type { AddressPast, FetchOptions, Fetched } from '@fillstream/ingestor/backfill';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InterruptedError, UsageError } from '../errors.ts';
import { addressesOf, collected, endpointOf, type ExchangeFlags } from '../exchange-flags.ts';
import { stopper, tell, wholeNumber } from '../flags.ts';
import { checkWritable, writeJournal } from '../journal-out.ts';
import { longestPeriodMs, resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from './connections.ts';

type Flags = KafkaFlags & SettingsFlags & ExchangeFlags & {
  readonly address: readonly string[];
  readonly from: number;
  readonly to?: number;
  readonly statuses: number;
  readonly weight?: number;
  readonly finish: boolean;
  readonly out?: string;
};

/** They are all merged at once. */
const GREATEST_ADDRESSES = 100;
/** Questions of half a minute. */
const STATUSES = 300;
/** Of one page, the most that an answer weighs. */
const LEAST_WEIGHT = 120;
const LEAST_TIME = 1e12;
const GREATEST_TIME = 1e13;

export function backfillCommand(): Command {
  const command = new Command('backfill')
    .description('Fetch what addresses did before: their past fills and the ends of their orders, onto the input topics or into a journal.')
    .addOption(new Option('--address <0x...>', 'whose past; may be given several times').argParser(collected).makeOptionMandatory())
    .addOption(new Option('--from <time>', 'from then on: 2026-01-31, 2026-01-31T12:00Z, or milliseconds').argParser(moment).makeOptionMandatory())
    .option('--to <time>', 'up to then (default: now)', moment)
    .option('--statuses <number>', 'of how many older orders of an address to ask for the end one by one, or `all`: 600 a minute', questions, STATUSES)
    .option('--weight <number>', 'REST weight a minute: less than 1200 where an ingestor has the same IP', wholeNumber)
    .option('--testnet', 'from its testnet', false)
    .option('--exchange <url>', 'from another exchange that speaks its protocol')
    .addOption(new Option('--finish', 'end with a tick beyond the last deadline, so that all signals come; in a namespace of its own').default(false))
    .addOption(new Option('--out <file>', 'write a journal instead, plain, .gz or .zst').conflicts('finish'));
  for (const option of [...kafkaFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(backfill);
}

async function backfill(flags: Flags): Promise<void> {
  const stop = stopper(undefined);
  const { signal } = stop;
  try {
    const options = await fetchOptions(flags, signal);
    if (flags.out === undefined) await ontoTopics(flags, options);
    else await intoJournal(flags.out, options);
  } catch (error) {
    throw signal.aborted && error === signal.reason ? new InterruptedError('interrupted: nothing was written') : error;
  } finally {
    stop.dispose();
  }
}

async function ontoTopics(flags: Flags, options: FetchOptions): Promise<void> {
  const { finish, namespace } = flags;
  if (finish && namespace === '') throw new UsageError('--finish: expected a --namespace of its own, as it moves time ahead for all that share the topics');
  const settings = resolveSettings(settingsSources(flags));
  const { kafka, registry } = kafkaOptions(flags);
  const { refuseKnown, withPast, writePast } = await import('@fillstream/ingestor/backfill');
  await refuseKnown(options.addresses, { kafka, registry, isShared: namespace === '' });
  await withPast(options, async (fetched) => {
    const written = await writePast(fetched, { kafka, registry, endAfterMs: finish ? longestPeriodMs(settings) : 0, stop: options.signal });
    if (written === 'stopped') throw new InterruptedError('interrupted: a part is on the topics; done again, the same command changes nothing but duplicates');
    tell(`${countOf(fetched)} are on the topics`);
  });
}

async function intoJournal(path: string, options: FetchOptions): Promise<void> {
  await checkWritable(path);
  const { mergedLines, withPast } = await import('@fillstream/ingestor/backfill');
  await withPast(options, async (fetched) => {
    await writeJournal(path, mergedLines(fetched.paths, options.signal), options.signal);
    tell(`${countOf(fetched)} are in ${path}`);
  });
}

/** Throws UsageError. */
async function fetchOptions(flags: Flags, signal: AbortSignal): Promise<FetchOptions> {
  const { from, to = Date.now(), statuses, weight } = flags;
  const { EXCHANGE_LIMITS } = await import('@fillstream/hyperliquid/live');
  const addresses = addressesOf(flags.address);
  if (addresses.length > GREATEST_ADDRESSES) throw new UsageError(`--address: expected at most ${String(GREATEST_ADDRESSES)}`);
  if (from >= to || to > Date.now()) throw new UsageError('--from and --to: expected a time before the other, and neither of them ahead');
  if (weight !== undefined && (weight < LEAST_WEIGHT || weight > EXCHANGE_LIMITS.weightPerMinute)) {
    throw new UsageError(`--weight: expected ${String(LEAST_WEIGHT)} to ${String(EXCHANGE_LIMITS.weightPerMinute)}, what the exchange lets one IP`);
  }
  return {
    addresses, from, to, statuses, signal,
    endpoint: await endpointOf(flags),
    limits: weight === undefined ? {} : { weightPerMinute: weight },
    onEvent: tellTrouble,
    onFetched: (past) => tellPast(past, { from, to }),
  };
}

function tellTrouble(event: LiveEvent): void {
  if (event.kind === 'requestFailed') tell(`${event.request}: ${event.detail} (attempt ${String(event.attempt)})`);
}

type Span = { readonly from: number; readonly to: number };

function tellPast({ address, fills, orders, ended, unasked, firstFillAt, progress, gaps }: AddressPast, { from, to }: Span): void {
  for (const { from: start, to: end, reason } of gaps) {
    const rest = end > start ? `; THERE IS DATA FROM ${timeOf(end)} ON` : '';
    tell(`${address}: A GAP from ${timeOf(start)} to ${timeOf(end)}: ${reason}${rest}`);
  }
  if (firstFillAt === null || progress === null) {
    tell(`${address}: no fills from ${timeOf(from)} to ${timeOf(to)}`);
    return;
  }
  const more = unasked === 0 ? '' : `; ${String(unasked)} more weren't asked for: --statuses all`;
  tell(`${address}: ${String(fills)} fills from ${timeOf(firstFillAt)} to ${timeOf(progress.lastFillAt)}, the ends of ${String(ended)} of ${String(orders)} orders${more}`);
}

function countOf({ pasts }: Fetched): string {
  tell('account values of the past can\'t be had: positionRate is null');
  return `${String(pasts.reduce((sum, { fills }) => sum + fills, 0))} fills and the ends of ${String(pasts.reduce((sum, { ended }) => sum + ended, 0))} orders`;
}

/** Milliseconds since the epoch; a time without a zone is UTC. */
function moment(text: string): number {
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const isBare = /T[^Z+-]*$/.test(text);
  const ms = isDate ? Date.parse(isBare ? `${text}Z` : text) : /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (ms >= LEAST_TIME && ms <= GREATEST_TIME) return ms;
  throw new InvalidArgumentError('Expected a time such as 2026-01-31, 2026-01-31T12:00Z or 1769860800000.');
}

function questions(text: string): number {
  if (text === 'all') return Infinity;
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, or all.');
  return Number(text);
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
