// `fillstream watch`: the addresses that the ingestors share.

import type { KafkaOptions, Note } from '@fillstream/kafka';
import type { Watchlist } from '@fillstream/ingestor/watchlist';
import { checkAddress } from '@fillstream/hyperliquid';
import { encodeWatched, type Watched } from '@fillstream/schemas';
import { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { tell } from '../flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from './connections.ts';

const LABEL_CHARS = 200;

/** What is to be written, and what is told once it is. */
type Change = { readonly body: Uint8Array | null; readonly done: string };

export function watchCommand(): Command {
  const command = new Command('watch').description('Which addresses are watched: the list that all ingestors share.');
  const add = command.command('add').description('Watch addresses.').argument('<address...>', '0x and 40 hex digits')
    .option('--label <text>', 'a name for people, of each of them');
  const remove = command.command('remove').description('Watch addresses no longer.').argument('<address...>', '0x and 40 hex digits');
  const list = command.command('list').description('Show the addresses; as NDJSON where no terminal reads it.');
  for (const each of [add, remove, list]) for (const option of kafkaFlags()) each.addOption(option);
  add.action(async (texts: readonly string[], flags: KafkaFlags & { readonly label?: string }) => {
    const label = labelOf(flags.label);
    await change(texts, flags, (address, held) => addition(address, held, label));
  });
  remove.action(async (texts: readonly string[], flags: KafkaFlags) => {
    await change(texts, flags, (address, held) => (held === null ? null : { body: null, done: `${address}: watched no longer` }));
  });
  list.action(async (flags: KafkaFlags) => {
    show((await readWatchlist(kafkaOptions(flags).kafka)).all);
  });
  return command;
}

/** Null when it is watched already, under that label. */
function addition(address: string, held: Watched | null, label: string | null): Change | null {
  if (held !== null && (label === null || label === held.label)) return null;
  const body = encodeWatched({ address, addedAt: held?.addedAt ?? Date.now(), label });
  return { body, done: held === null ? `${address}: on the watchlist` : `${address}: has another label now` };
}

/** Throws UsageError before anything is changed. */
async function change(texts: readonly string[], flags: KafkaFlags, changeOf: (address: string, held: Watched | null) => Change | null): Promise<void> {
  const addresses = texts.map(addressOf);
  const { kafka, registry } = kafkaOptions(flags);
  const { KafkaInputWriter } = await import('@fillstream/kafka');
  const writer = await KafkaInputWriter.connect(kafka, registry);
  try {
    const watchlist = await readWatchlist(kafka);
    for (const address of new Set(addresses)) {
      const held = watchlist.get(address);
      const wanted = changeOf(address, held);
      if (wanted === null) {
        tell(held === null ? `${address}: isn't watched` : `${address}: is watched already, since ${timeOf(held.addedAt)}`);
        continue;
      }
      await writer.note({ topic: 'watchlist', key: address, timestamp: Date.now(), body: wanted.body } satisfies Note);
      tell(wanted.done);
    }
  } finally {
    await writer.close();
  }
}

async function readWatchlist(kafka: KafkaOptions): Promise<Watchlist> {
  const [{ readTopic }, { Watchlist: List }] = await Promise.all([import('@fillstream/kafka'), import('@fillstream/ingestor/watchlist')]);
  const watchlist = new List();
  for (const record of await readTopic(kafka, 'watchlist')) {
    const trouble = watchlist.add(record);
    if (trouble !== null) tell(trouble);
  }
  return watchlist;
}

function show(all: readonly Watched[]): void {
  if (!process.stdout.isTTY) {
    for (const { address, addedAt, label } of all) process.stdout.write(`${JSON.stringify({ address, addedAt, label })}\n`);
    return;
  }
  if (all.length === 0) tell('no address is watched: `fillstream watch add 0x…`');
  for (const { address, addedAt, label } of all) process.stdout.write(`${address}  ${timeOf(addedAt)}  ${label ?? ''}\n`);
}

function addressOf(text: string): string {
  const address = checkAddress(text);
  if (address === null) throw new UsageError(`expected 0x and 40 hex digits, got ${text}`);
  return address;
}

/** It is shown on terminals: no control characters. */
function labelOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.length > LABEL_CHARS || /\p{Cc}/u.test(text)) throw new UsageError(`--label: expected at most ${String(LABEL_CHARS)} characters on one line`);
  return text;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
