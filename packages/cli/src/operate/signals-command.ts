// `fillstream signals tail`: the topic `signals` as a subscriber sees it.
//
// S1  Only what is committed; signals of one address in their order, of several partitions as they arrive.
// S2  It ends well at --limit, at the end with --no-follow, by Ctrl-C, and when nobody reads it any more: exit 0.

import type { KafkaOptions, RegistryOptions, StretchReader, StretchRecord, WireFormat } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { decodeSignal, type Signal } from '@fillstream/schemas';
import { Command } from 'commander';
import { addressesOf } from '../exchange-flags.ts';
import { stopper, tell, wholeNumber } from '../flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';
import { signalLine } from '../start/signal-line.ts';
import { leaveSoon, printLine, wantsJson } from './output.ts';
import { FROM_HELP, fromOf, stretchesOf } from './where.ts';

const TOPIC = 'signals';

type TailFlags = KafkaFlags & {
  readonly address?: string;
  readonly coin?: string;
  readonly from: string;
  readonly limit?: number;
  readonly follow: boolean;
  readonly json: boolean;
};

export function signalsCommand(): Command {
  const command = new Command('signals').description('The signals on the topic.');
  const tail = command.command('tail').description('Show signals as they are committed: a line each on a terminal, NDJSON where none reads them.')
    .option('--address <0x…>', 'of this address only')
    .option('--coin <coin>', 'of this coin only, by the exchange\'s name or the symbol')
    .option('--from <where>', FROM_HELP, 'latest')
    .option('--limit <number>', 'end after so many', wholeNumber)
    .option('--no-follow', 'end where the topic ends now')
    .option('--json', 'NDJSON on a terminal too', false);
  for (const option of kafkaFlags()) tail.addOption(option);
  tail.action(tailSignals);
  return command;
}

async function tailSignals(flags: TailFlags): Promise<void> {
  const [address] = flags.address === undefined ? [] : addressesOf([flags.address]);
  const from = fromOf(flags.from, Date.now());
  const { kafka, registry } = kafkaOptions(flags);
  const { StretchReader: Reader, boundsOf } = await import('@fillstream/kafka');
  const stop = stopper(undefined);
  try {
    const bounds = await boundsOf(kafka, TOPIC);
    const wanted = address === undefined ? bounds : bounds.filter(({ partition }) => partition === partitionOf(address, bounds.length));
    const format = await formatOf(kafka, registry);
    const reader = await Reader.open(kafka, await stretchesOf(kafka, TOPIC, wanted, from, flags));
    if (flags.follow) tell('follows the signals; Ctrl-C ends');
    stop.signal.addEventListener('abort', () => {
      reader.close().catch(() => undefined); // Closed once more below, where its error is met.
    });
    try {
      if (!stop.signal.aborted) await show(reader, format, flags, address);
    } finally {
      await reader.close();
    }
  } finally {
    stop.dispose();
    leaveSoon();
  }
}

async function show(reader: StretchReader, format: WireFormat, flags: TailFlags, address: string | undefined): Promise<void> {
  const { coin, limit = Infinity } = flags;
  const toLine = wantsJson(flags) ? JSON.stringify : signalLine;
  for (let shown = 0; shown < limit;) {
    const record = await reader.nextOfAny();
    if (record === null) return;
    const signal = await signalOf(record, format);
    if (signal === null || (address !== undefined && signal.address !== address)) continue;
    if (coin !== undefined && signal.coin !== coin && signal.symbol !== coin) continue;
    await printLine(toLine(signal));
    shown += 1;
  }
}

/** null, and told, for what is no signal of ours. */
async function signalOf({ partition, offset, value }: StretchRecord, format: WireFormat): Promise<Signal | null> {
  try {
    await format.learn([value]);
    return decodeSignal(format.unframe(value) ?? Buffer.alloc(0));
  } catch {
    tell(`signals/${String(partition)} at offset ${String(offset)} is no signal that can be read`);
    return null;
  }
}

async function formatOf(kafka: KafkaOptions, registry: RegistryOptions): Promise<WireFormat> {
  const { WireFormat: Format, nameIn, registryOf } = await import('@fillstream/kafka');
  return await Format.of(registryOf(registry), TOPIC, nameIn(kafka.namespace, TOPIC), kafka.onTrouble);
}
