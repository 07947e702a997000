// `fillstream record`: what an exchange tells of addresses, live, into a journal.

import { Command, Option } from 'commander';
import { UsageError } from './errors.ts';
import { collected, endpointOf, watchedOf, type ExchangeFlags } from './exchange-flags.ts';
import { period, stopper, tell } from './flags.ts';
import { JournalFile } from './record/journal-file.ts';
import { STANDARD_OUTPUT } from './run/line-file.ts';
import { tellLive } from './start/live-line.ts';

type Flags = ExchangeFlags & {
  readonly address: readonly string[];
  readonly out: string;
  readonly for?: number;
};

export function recordCommand(): Command {
  return new Command('record')
    .description('Write down what addresses do on Hyperliquid, live, as a journal; going on with one that is there.')
    .addOption(new Option('--address <0x...>', 'whose; may be given several times').argParser(collected).makeOptionMandatory())
    .addOption(new Option('--out <file>', 'the journal, plain').makeOptionMandatory())
    .option('--testnet', 'on its testnet', false)
    .option('--exchange <url>', 'on another exchange that speaks its protocol')
    .option('--for <time>', 'end by itself after so long, such as 30s', period)
    .action(record);
}

async function record(flags: Flags): Promise<void> {
  const { out } = flags;
  if (out === STANDARD_OUTPUT || /\.(?:gz|zst|lz4)$/.test(out)) throw new UsageError('--out: expected a plain file, as a journal that grows can\'t be packed: pack it when it is whole');
  const [addresses, endpoint] = [await watchedOf(flags.address), await endpointOf(flags)];
  const { recordLive } = await import('@fillstream/ingestor/record');
  const journal = await JournalFile.open(out);
  const stop = stopper(flags.for);
  tell(`${addresses.join(', ')} on ${new URL(endpoint.info).host} → ${out}; Ctrl-C ends`);
  try {
    await recordLive({ endpoint, addresses, recording: journal, stop: stop.signal, onEvent: tellLive });
    tell(`${String(journal.records)} records written; the same command goes on from here`);
  } finally {
    stop.dispose();
    await journal.close();
  }
}
