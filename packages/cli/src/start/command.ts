// `npm start`: the whole pipeline in one process, its signals on the terminal.

import { resolve } from 'node:path';
import type { Signal } from '@fillstream/schemas';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { collected, endpointOf, watchedOf, type ExchangeFlags } from '../exchange-flags.ts';
import { gatewayFlags, type GatewayFlags } from '../gateway/gateway-flags.ts';
import { endpoint, period, stopper, tell, wholeNumber, type Endpoint } from '../flags.ts';
import { resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { folderOf, runPipeline, type Source } from './pipeline.ts';
import { tellLive } from './live-line.ts';
import { observing } from './observing.ts';
import { showing } from './showing.ts';
import { signalLine } from './signal-line.ts';

type Flags = SettingsFlags & ExchangeFlags & GatewayFlags & {
  readonly journal?: string;
  readonly address?: readonly string[];
  readonly data?: string;
  readonly fresh: boolean;
  readonly for?: number;
  readonly seed: number;
  readonly rate: number;
  readonly http?: Endpoint;
  readonly gateway: boolean;
  readonly browser: boolean;
};

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run the whole pipeline in one process on an embedded log, and show the signals as they come.')
    .option('--journal <file>', 'run a journal instead of watching an exchange')
    .option('--address <0x...>', 'watch this address on Hyperliquid, live; may be given several times', collected)
    .option('--testnet', 'on its testnet', false)
    .option('--exchange <url>', 'on another exchange that speaks its protocol')
    .option('--data <folder>', 'where log and state are (default: a folder of .fillstream for each source)')
    .option('--fresh', 'begin anew: delete what an earlier start left', false)
    .option('--for <time>', 'end by itself after so long, such as 30s', period)
    .option('--seed <number>', 'the market of the fake exchange', wholeNumber, 1)
    .option('--rate <number>', 'records a second of the fake exchange', wholeNumber, 20)
    .option('--no-gateway', 'serve no gateway and no dashboard')
    .option('--no-browser', 'leave the browser alone')
    .addOption(new Option('--http <host:port>', 'serve /metrics, /healthz and /readyz here').env('FILLSTREAM_HTTP').argParser(endpoint));
  for (const option of [...gatewayFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(async (flags: Flags) => {
    await start(flags);
  });
}

async function start(flags: Flags): Promise<void> {
  const source = await sourceOf(flags);
  const settings = resolveSettings(settingsSources(flags));
  const folder = flags.data ?? folderOf(source);
  const stop = stopper(flags.for);
  tell(`${nameOf(source)} → the log and state in ${resolve(folder)} → signals`);
  tell(`Ctrl-C ends; the next start goes on from there, --fresh begins anew. Try: ${source.kind === 'demo' ? 'npm start -- --address 0x…' : 'npx fillstream run --help'}`);
  const observed = flags.http === undefined ? null : await observing(flags.http);
  const shown = flags.gateway ? showing(flags, folder, (url) => openDashboard(url, flags)) : null;
  try {
    const { end, counts } = await runPipeline({
      source, folder, fresh: flags.fresh, settings, stop: stop.signal, show,
      onLiveEvent: (event) => {
        observed?.noteLive(event);
        tellLive(event);
      },
      observers: [observed, shown].flatMap((each) => (each === null ? [] : [each.observer])),
    });
    tell(end === 'ended' ? 'the journal has ended' : 'stopped; the same command goes on from here');
    process.stderr.write(`${JSON.stringify(counts)}\n`);
  } finally {
    stop.dispose();
    await shown?.close();
    await observed?.close();
  }
}

/** Where a person is at the terminal, the browser shows it. */
function openDashboard(url: string, { browser }: Flags): void {
  tell(`the dashboard is at ${url}`);
  if (!browser || !process.stdout.isTTY) return;
  import('open').then(async ({ default: open }) => await open(url)).catch(() => undefined); // There may be none.
}

/** Throws UsageError. */
async function sourceOf(flags: Flags): Promise<Source> {
  const { journal, address: addresses = [] } = flags;
  if (journal !== undefined && addresses.length > 0) throw new UsageError('--journal and --address: expected one of them');
  if (journal !== undefined) return { kind: 'journal', path: journal };
  if (addresses.length === 0) {
    if (flags.testnet || flags.exchange !== undefined) throw new UsageError('--testnet and --exchange: expected an --address to watch there');
    return { kind: 'demo', seed: flags.seed, ratePerSecond: flags.rate };
  }
  return { kind: 'live', addresses: await watchedOf(addresses), endpoint: await endpointOf(flags) };
}

function nameOf(source: Source): string {
  switch (source.kind) {
    case 'demo': return 'a fake exchange';
    case 'journal': return source.path;
    case 'live': return `${source.addresses.join(', ')} on ${new URL(source.endpoint.info).host}`;
  }
}

/** Lines for a person at a terminal, NDJSON for whatever else reads them. */
async function show(signals: readonly Signal[]): Promise<void> {
  const lines = signals.map((signal) => (process.stdout.isTTY ? signalLine(signal) : JSON.stringify(signal)));
  await new Promise((resolveWritten) => process.stdout.write(`${lines.join('\n')}\n`, resolveWritten));
}
