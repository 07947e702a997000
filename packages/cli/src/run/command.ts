// `fillstream run`: journals in, signals out.

import { listNodeFiles } from '@fillstream/hyperliquid';
import { Command, Option } from 'commander';
import { InterruptedError, UsageError } from '../errors.ts';
import { addressesOf } from '../exchange-flags.ts';
import { tell } from '../flags.ts';
import { NODE_FILE, withoutStatuses } from '../node-flags.ts';
import { progressBar } from './progress.ts';
import { runFolder } from './run-folder.ts';
import { runJournals, type RunResult } from './run-journals.ts';
import { StateFolder } from './state-folder.ts';
import { resolveSettings, type Written } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';

type Flags = SettingsFlags & {
  readonly journal?: readonly string[];
  readonly nodeFile?: readonly string[];
  readonly address?: readonly string[];
  readonly out?: string;
  readonly quarantine?: string;
  readonly state?: string;
  readonly journalDir?: string;
  readonly outDir?: string;
};

const EXAMPLES = `
Examples:
  fillstream run --journal fills.ndjson --journal updates.ndjson.gz --out signals.ndjson
  zstdcat day.ndjson.zst | fillstream run --journal - --set lateFills=drop
  fillstream run --journal day.ndjson --out signals.ndjson --state ./state
  fillstream run --node-file node_fills_by_block/hourly/20250727 --address 0x… --out signals.ndjson
  fillstream run --journal-dir journals --out-dir results`;

export function runCommand(): Command {
  const command = new Command('run')
    .description('Fold journals into signals (NDJSON), the counts as the last line on standard error.')
    .addOption(new Option('--journal <file...>', 'a journal: plain, .gz, .zst or .lz4, or - for standard input; several are merged by receivedAt').argParser(collect))
    .addOption(new Option('--node-file <path...>', NODE_FILE).argParser(collect).conflicts('state'))
    .addOption(new Option('--address <address...>', 'with --node-file: only the records of these').argParser(collect))
    .option('--out <file>', 'where the signals go, - for standard output (default: -)')
    .option('--quarantine <file>', 'where refused records go, with their reasons')
    .option('--state <folder>', 'keep the state there: a run that was killed goes on where it stopped')
    .addOption(new Option('--journal-dir <folder>', 'run each NAME.ndjson of a folder on its own').conflicts(['journal', 'nodeFile', 'out', 'quarantine', 'state']))
    .option('--out-dir <folder>', 'with --journal-dir: where NAME.signals.ndjson, NAME.quarantine.ndjson and NAME.summary.json go')
    .addHelpText('after', EXAMPLES);
  for (const option of settingsOptions()) command.addOption(option);
  return command.action(async (flags: Flags) => {
    await run(flags);
  });
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

async function run(flags: Flags): Promise<void> {
  const settings = settingsSources(flags);
  const bar = progressBar(process.stderr);
  const interrupt = new AbortController();
  const onSignal = (): void => {
    interrupt.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const { end, summary } = await runFlags(flags, settings, { stop: interrupt.signal, onProgress: bar.update });
    bar.stop();
    const refused = Object.values(summary.quarantined).reduce((sum, count) => sum + count, 0);
    if (refused > 0 && flags.quarantine === undefined && flags.outDir === undefined) {
      process.stderr.write(`${String(refused)} records were refused; --quarantine FILE keeps them with their reasons\n`);
    }
    if (flags.nodeFile !== undefined && summary.orderUpdates === 0) tell(withoutStatuses('run'));
    process.stderr.write(`${JSON.stringify(summary)}\n`);
    if (end === 'stopped') throw new InterruptedError(flags.state === undefined ? 'interrupted' : 'interrupted: the same command goes on from here');
  } finally {
    bar.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

type Watch = Pick<Parameters<typeof runJournals>[0], 'stop' | 'onProgress'>;

async function runFlags(flags: Flags, sources: readonly Written[], watch: Watch): Promise<RunResult> {
  const { journal = [], nodeFile = [], address, journalDir, outDir, state } = flags;
  if (journalDir !== undefined) {
    if (outDir === undefined) throw new UsageError('--journal-dir needs --out-dir');
    return await runFolder({ journals: journalDir, outputs: outDir, settings: sources, ...watch });
  }
  if (outDir !== undefined) throw new UsageError('--out-dir goes with --journal-dir');
  if (journal.length + nodeFile.length === 0) throw new UsageError('expected --journal FILE or --journal-dir FOLDER, or --node-file PATH');
  if (address !== undefined && nodeFile.length === 0) throw new UsageError('--address: expected --node-file too');
  const nodeFiles = await listNodeFiles(nodeFile);
  const run = {
    journals: journal, signals: flags.out ?? '-', quarantine: flags.quarantine ?? null, settings: resolveSettings(sources), ...watch,
    ...(nodeFiles.length === 0 ? {} : { nodeFiles: { paths: nodeFiles, addresses: address === undefined ? null : new Set(addressesOf(address)) } }),
  };
  checkPaths([...journal, ...nodeFiles], [run.signals, run.quarantine]);
  if (state === undefined) return await runJournals({ ...run, durable: null });
  const folder = await StateFolder.open(state, run);
  try {
    return await runJournals({ ...run, durable: folder });
  } finally {
    folder.close();
  }
}

function checkPaths(journals: readonly string[], outputs: readonly (string | null)[]): void {
  if (journals.filter((path) => path === '-').length > 1) throw new UsageError('standard input can be only one of the journals');
  const files = [...journals, ...outputs].filter((path): path is string => path !== null && path !== '-');
  const twice = files.find((path, place) => files.indexOf(path) !== place && !journals.includes(path)) ?? outputs.find((path) => path !== null && path !== '-' && journals.includes(path));
  if (twice !== undefined && twice !== null) throw new UsageError(`${twice} is named twice`);
}
