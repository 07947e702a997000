// `fillstream replay`: what is on the topics folded once more, and compared with what was emitted then.
//
// R1  It has a consumer group and a state of its own, and writes nothing but the topic of --output.
// R2  The live topic is written only while no processor is there; no other topic of the installation ever is.
// R3  Settings are those of the processor (--config, the environment) and, on top, those to be tried (--set).

import type { Times } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { TOPICS } from '@fillstream/schemas';
import { Command, Option } from 'commander';
import { DifferencesError, InterruptedError, UsageError } from '../errors.ts';
import { addressesOf, collected } from '../exchange-flags.ts';
import { stopper, tell } from '../flags.ts';
import { progressBar } from '../run/progress.ts';
import { foldSettingsText, resolveSettings, type AllSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';
import { leaveSoon, printLine } from './output.ts';
import { timesOf, type RangeFlags } from './replay/range.ts';
import { replay, type ReplayCounts, type ReplayOptions } from './replay/replay.ts';
import { differenceJson, differenceLines, differs, outcomeJson, table, type Outcome } from './replay/report.ts';

type ReplayFlags = KafkaFlags & SettingsFlags & RangeFlags & {
  readonly address?: readonly string[];
  readonly merge?: string;
  readonly output?: string;
  readonly json: boolean;
};

type Chosen = { readonly settings: AllSettings; readonly differ: boolean; readonly merge: 'recorded' | 'timestamp' };

const EXAMPLES = `
Examples:
  fillstream replay                                                 does the log still give what was emitted?
  fillstream replay --set graceMs=10s                               what would have been different?
  fillstream replay --from 2026-01-31 --to 2026-02-01 --address 0x…
  fillstream replay --from 1h --warmup 1d --output again --json`;
/** Differences that a person is shown. */
const SHOWN = 20;
const OWN: ReadonlySet<string> = new Set(TOPICS);

export function replayCommand(): Command {
  const command = new Command('replay')
    .description('Fold once more what is on the topics, and compare the signals with those that were emitted then.')
    .option('--from <time>', 'compare what was caused from this stream time on: earliest, or a time', 'earliest')
    .option('--to <time>', 'and before this one: latest, or a time', 'latest')
    .addOption(new Option('--address <0x...>', 'only of this address; may be given several times').argParser(collected))
    .addOption(new Option('--merge <order>', 'of the topics (default: recorded; timestamp with other settings)').choices(['recorded', 'timestamp']))
    .option('--warmup <time>', 'begin there, with an empty state, or with none at --from (default: the log\'s beginning)')
    .addOption(new Option('--output <topic>', 'write the signals of the range there').conflicts('dryRun'))
    .addOption(new Option('--dry-run', 'write nothing: the default'))
    .option('--json', 'differences and counts as NDJSON', false)
    .addHelpText('after', EXAMPLES);
  for (const option of [...kafkaFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(runReplay);
}

async function runReplay(flags: ReplayFlags): Promise<void> {
  const chosen = chosenOf(flags);
  const times = timesOf(flags, Date.now());
  const addresses = flags.address === undefined ? null : new Set<string>(addressesOf(flags.address));
  const { kafka, registry } = kafkaOptions(flags);
  const output = await openOutput(flags, { kafka, registry });
  const stop = stopper(undefined);
  const started = performance.now();
  const found: string[] = [];
  try {
    const counts = await watched({
      kafka, registry, times, addresses, output, settings: chosen.settings, merge: chosen.merge, stop: stop.signal,
      onDifference: async (difference, partition) => {
        if (flags.json) await printLine(differenceJson(difference, partition));
        else if (found.length < SHOWN) found.push(differenceLines(difference).join('\n'));
      },
    });
    await report(flags, outcomeOf(chosen, times, counts, performance.now() - started), found);
  } finally {
    stop.dispose();
    await output?.close();
    leaveSoon();
  }
}

/** R3. Throws UsageError and SettingsError. */
function chosenOf(flags: ReplayFlags): Chosen {
  const settings = resolveSettings(settingsSources(flags));
  const { set: _, ...ofTheProcessor } = flags;
  const differ = foldSettingsText(settings) !== foldSettingsText(resolveSettings(settingsSources(ofTheProcessor)));
  if (differ && flags.merge === 'recorded') {
    throw new UsageError('--merge recorded: expected the processor\'s settings, as it repeats what that one did; leave it out with other --set');
  }
  const merge = differ || flags.merge === 'timestamp' ? 'timestamp' : 'recorded';
  if (differ) tell(`other settings than the processor's (${(flags.set ?? []).join(' ')}): merged by timestamp`);
  return { settings, differ, merge };
}

/** R2. Throws UsageError and PortError. */
async function openOutput(
  { output, namespace }: ReplayFlags, { kafka, registry }: Pick<ReplayOptions, 'kafka' | 'registry'>,
): Promise<ReplayOptions['output']> {
  if (output === undefined) return null;
  if (!/^[a-zA-Z0-9_-]{1,100}$/.test(output)) {
    throw new UsageError('--output: expected a topic\'s name without its namespace: up to 100 letters, digits, - and _');
  }
  if (OWN.has(output) && output !== 'signals') {
    throw new UsageError(`--output: ${output} is a topic of the installation's own: expected another one`);
  }
  const { ReplayOutput, liveMembers } = await import('@fillstream/kafka');
  const members = output === 'signals' ? await liveMembers(kafka) : 0;
  if (members > 0) {
    const group = namespace === '' ? 'processor' : `${namespace}.processor`;
    const message = `--output signals: ${String(members)} of the group ${group} write there now: stop the processors, or name another topic`;
    throw new PortError('in-use', message, { retryable: false });
  }
  return await ReplayOutput.open(kafka, registry, output);
}

/** With a bar on a terminal. Throws InterruptedError when it was stopped. */
async function watched(options: Omit<ReplayOptions, 'onProgress'>): Promise<ReplayCounts> {
  const bar = progressBar(process.stderr);
  try {
    return await replay({ ...options, onProgress: bar.update });
  } catch (error) {
    if (options.stop.aborted) throw new InterruptedError('interrupted');
    throw error;
  } finally {
    bar.stop();
  }
}

function outcomeOf({ differ, merge }: Chosen, { from, to }: Times, counts: ReplayCounts, elapsedMs: number): Outcome {
  return { ...counts, merge, settings: differ ? 'other' : 'same', from: finite(from), to: finite(to), elapsedMs };
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}

/** Throws DifferencesError where there should be none. */
async function report({ json }: ReplayFlags, outcome: Outcome, found: readonly string[]): Promise<void> {
  const lines = json ? [outcomeJson(outcome)] : [...found, ...moreLines(outcome, found.length), ...table(outcome)];
  for (const line of lines) await printLine(line);
  const shouldBeSame = outcome.settings === 'same';
  if (shouldBeSame && differs(outcome)) throw new DifferencesError('the replay gives other signals than were emitted');
}

function moreLines({ otherRevisions, missing, extra, changed, unreadable }: Outcome, shown: number): string[] {
  const more = otherRevisions + missing + extra + changed + unreadable - shown;
  return more > 0 ? [`and ${more.toLocaleString('en')} more: --json has them all`] : [];
}
