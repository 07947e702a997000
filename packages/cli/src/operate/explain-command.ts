// `fillstream explain` and `fillstream orders`: what happened to an order, and why.

import type { Address, Oid, Settings } from '@fillstream/core';
import { checkAddress } from '@fillstream/hyperliquid';
import { decodeOrder, partitionOf, type LogRecord } from '@fillstream/runtime';
import { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { addressesOf, collected } from '../exchange-flags.ts';
import { resolveSettings, storedSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from '../stack/connections.ts';
import { viewOf } from './address-fold.ts';
import type { History } from './history.ts';
import { orderPage } from './order-page.ts';
import { harmless, leaveSoon, printLine, timeText, wantsJson } from './output.ts';
import { ordersOf, storyOf, type Listed, type Remembered } from './story.ts';

type SourceFlags = KafkaFlags & Omit<RedisFlags, 'redis'> & SettingsFlags & {
  readonly journal?: readonly string[];
  readonly data?: string;
  readonly redis?: string;
  readonly json: boolean;
};
type ListFlags = SourceFlags & { readonly address: string; readonly pending: boolean };

type Opened = { readonly history: History<LogRecord>; readonly settings: Settings; readonly remembered: Remembered | null };

/** A page isn't waited for as long as the processor waits. */
const REDIS_PATIENCE_MS = 10_000;

export function explainCommand(): Command {
  return pageCommand(new Command('explain').description('Tell the life of one order: its fills, its statuses, each signal and why it went out just then.'));
}

export function ordersCommand(): Command {
  const command = new Command('orders').description('The orders of an address.');
  const list = command.command('list').description('Show all orders of an address that the log speaks of.')
    .requiredOption('--address <0x…>', 'whose orders')
    .option('--pending', 'only those that wait for something', false);
  list.action(listOrders);
  withSources(list);
  pageCommand(command.command('show').description('The same page as `fillstream explain`.'));
  return command;
}

function pageCommand(command: Command): Command {
  command.argument('<order>', '0x…/OID, or the id of one of its signals').option('--all', 'also the fills in the middle of many', false);
  return withSources(command.action(explain));
}

function withSources(command: Command): Command {
  command.option('--journal <file>', 'of a journal instead of Kafka; may be given several times', collected)
    .option('--data <folder>', 'of the log that `npm start` keeps there instead of Kafka')
    .option('--json', 'as JSON', false);
  for (const option of [...kafkaFlags(), ...redisFlags(), ...settingsOptions()]) {
    command.addOption(option.long === '--redis' ? option.default(undefined) : option);
  }
  return command.hook('preAction', (_, called) => {
    checkSources(called);
  });
}

/** One source; what the environment says of others is for other commands. Throws UsageError. */
function checkSources(command: Command): void {
  const isNamed = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  if (isNamed('journal') && isNamed('data')) throw new UsageError('--journal and --data: expected one of them');
  if (isNamed('redis') && (isNamed('journal') || isNamed('data'))) throw new UsageError('--redis: expected neither --journal nor --data beside it');
}

async function explain(text: string, flags: SourceFlags & { readonly all: boolean }): Promise<void> {
  const { address, oid } = orderOf(text);
  const { history, settings, remembered } = await openSource(flags, address, oid);
  try {
    const story = await storyOf({ address, oid, settings, history, remembered });
    await printLine(flags.json ? JSON.stringify(story) : orderPage(story, flags));
  } finally {
    await history.close();
    leaveSoon();
  }
}

async function listOrders(flags: ListFlags): Promise<void> {
  const [address] = addressesOf([flags.address]);
  if (address === undefined) return;
  const { history, settings } = await openSource(flags, addressOf(address), null);
  try {
    const orders = await ordersOf({ address: addressOf(address), settings, history });
    for (const order of orders) {
      if (flags.pending && order.kind !== 'parked' && order.kind !== 'pending') continue;
      await printLine(wantsJson(flags) ? JSON.stringify(order) : listLine(order));
    }
  } finally {
    await history.close();
    leaveSoon();
  }
}

function listLine({ oid, kind, coin, firstAt, lastAt, signals, now }: Listed): string {
  return `${String(oid).padEnd(14)} ${kind.padEnd(9)} ${harmless(coin ?? '-').padEnd(10)} ${timeText(firstAt)}  ${timeText(lastAt)}  ${String(signals).padStart(3)} ${signals === 1 ? 'signal ' : 'signals'}  ${now}`;
}

/** Throws UsageError. */
function orderOf(text: string): { readonly address: Address; readonly oid: Oid } {
  const [, address = '', digits = ''] = /^(0x[0-9a-fA-F]{40})\/([0-9]{1,16})(?:\/[a-z-]+)?$/.exec(text) ?? [];
  const oid = Number(digits);
  if (digits === '' || !isOid(oid)) throw new UsageError(`expected 0x and 40 hex digits, /, and the order's id, got ${text}`);
  return { address: addressOf(address), oid };
}

function addressOf(text: string): Address {
  const address = checkAddress(text);
  if (address === null) throw new UsageError(`expected 0x and 40 hex digits, got ${text}`);
  return address;
}

function isOid(value: number): value is Oid {
  return Number.isSafeInteger(value);
}

/** Throws UsageError, SettingsError, PortError and JournalError. */
async function openSource(flags: SourceFlags, address: Address, oid: Oid | null): Promise<Opened> {
  const { journal, data, redis } = flags;
  if (journal !== undefined) {
    const settings = resolveSettings(settingsSources(flags));
    const { openJournalHistory } = await import('./journal-history.ts');
    return { history: await openJournalHistory(journal), settings, remembered: null };
  }
  if (data !== undefined) {
    const { openSqliteHistory } = await import('./sqlite-history.ts');
    const history = openSqliteHistory(data, address);
    return { history, settings: settingsOf(flags, history.settings), remembered: null };
  }
  const { kafka, registry, namespace } = kafkaOptions(flags);
  const { openKafkaHistory } = await import('./kafka-history.ts');
  const stored = redis === undefined ? null : await storedIn({ ...flags, redis }, namespace, address, oid);
  return { history: await openKafkaHistory(kafka, registry, address), settings: settingsOf(flags, stored?.settings ?? null), remembered: stored?.remembered ?? null };
}

/** The settings that the state was made with, or those that the flags say where nobody knows or they say any. */
function settingsOf(flags: SettingsFlags, stored: string | null): Settings {
  const written = settingsSources(flags);
  if (stored === null || written.some(({ values }) => Object.keys(values).length > 0)) return resolveSettings(written);
  return storedSettings(stored);
}

/** What Redis holds. Throws PortError. */
async function storedIn(flags: RedisFlags & SettingsFlags, namespace: string, address: Address, oid: Oid | null): Promise<{ readonly settings: string | null; readonly remembered: Remembered | null }> {
  const { RedisConnection, peekOrder, storedFacts } = await import('@fillstream/redis');
  const connection = await RedisConnection.open({ ...redisOptions(flags), patienceMs: REDIS_PATIENCE_MS });
  try {
    const facts = await connection.repeat(async () => await storedFacts(connection, namespace));
    const settings = facts['settings'] ?? null;
    const partitions = Number(facts['partitions'] ?? NaN);
    if (oid === null) return { settings, remembered: null };
    if (Number.isNaN(partitions)) return { settings, remembered: { at: null, body: null, deadline: null, view: null } };
    const { head, body, deadline } = await peekOrder(connection, namespace, partitionOf(address, partitions), { address, oid });
    const view = body === null ? null : viewOf(decodeOrder(body), settingsOf(flags, settings));
    return { settings, remembered: { at: head?.at.position ?? null, body, deadline, view } };
  } finally {
    connection.close();
  }
}
