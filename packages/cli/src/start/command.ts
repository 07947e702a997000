// `npm start`: the whole pipeline in one process, its signals on the terminal.

import { resolve } from 'node:path';
import type { Signal } from '@fillstream/schemas';
import { Command } from 'commander';
import { period, stopper, tell, wholeNumber } from '../flags.ts';
import { resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { folderOf, runPipeline, type Source } from './pipeline.ts';
import { signalLine } from './signal-line.ts';

type Flags = SettingsFlags & {
  readonly journal?: string;
  readonly data?: string;
  readonly fresh: boolean;
  readonly for?: number;
  readonly seed: number;
  readonly rate: number;
};

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run the whole pipeline in one process on an embedded log, and show the signals as they come.')
    .option('--journal <file>', 'run a journal instead of the demo feed')
    .option('--data <folder>', 'where log and state are (default: a folder of .fillstream for each source)')
    .option('--fresh', 'begin anew: delete what an earlier start left', false)
    .option('--for <time>', 'end by itself after so long, such as 30s', period)
    .option('--seed <number>', 'the market of the demo feed', wholeNumber, 1)
    .option('--rate <number>', 'records a second of the demo feed', wholeNumber, 20);
  for (const option of settingsOptions()) command.addOption(option);
  return command.action(async (flags: Flags) => {
    await start(flags);
  });
}

async function start(flags: Flags): Promise<void> {
  const source: Source = flags.journal === undefined
    ? { kind: 'demo', seed: flags.seed, ratePerSecond: flags.rate }
    : { kind: 'journal', path: flags.journal };
  const settings = resolveSettings(settingsSources(flags));
  const folder = flags.data ?? folderOf(source);
  const stop = stopper(flags.for);
  tell(`${source.kind === 'demo' ? 'a demo market' : source.path} → the log and state in ${resolve(folder)} → signals`);
  tell(source.kind === 'demo'
    ? 'Ctrl-C ends; the next start goes on from there, --fresh begins anew. Try: npm start -- --journal FILE'
    : 'Ctrl-C ends; the next start goes on from there, --fresh begins anew. Try: npx fillstream run --help');
  try {
    const { end, counts } = await runPipeline({ source, folder, fresh: flags.fresh, settings, stop: stop.signal, show });
    tell(end === 'ended' ? 'the journal has ended' : 'stopped; the same command goes on from here');
    process.stderr.write(`${JSON.stringify(counts)}\n`);
  } finally {
    stop.dispose();
  }
}

/** Lines for a person at a terminal, NDJSON for whatever else reads them. */
async function show(signals: readonly Signal[]): Promise<void> {
  const lines = signals.map((signal) => (process.stdout.isTTY ? signalLine(signal) : JSON.stringify(signal)));
  await new Promise((resolveWritten) => process.stdout.write(`${lines.join('\n')}\n`, resolveWritten));
}
