// `fillstream repartition`: an installation's records into another namespace with another number of partitions, then the switch.
//
// R1  Without --yes nothing is changed; the old namespace never is.
// R2  It may be run again at any point, and goes on: docs/repartition.md has the steps.

import type { Copied, KafkaOptions, RegistryOptions } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { Command } from 'commander';
import { InterruptedError, UsageError } from '../errors.ts';
import { stopper, tell, wholeNumber } from '../flags.ts';
import { progressBar } from '../run/progress.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';
import { leaveSoon, printLine } from './output.ts';
import { checkNobodyIn, checkProcessed, oldPartitions, recordsSince } from './repartition/checks.ts';
import { copiedJson, copiedLines, planLines, switchedJson, switchedLines, type Names } from './repartition/report.ts';
import { switchOver, type Switched } from './repartition/switch.ts';
import type { Difference } from './replay/compare.ts';
import { differenceJson, differenceLines } from './replay/report.ts';

type RepartitionFlags = KafkaFlags & {
  readonly to: string;
  readonly partitions: number;
  readonly switch: boolean;
  readonly yes: boolean;
  readonly json: boolean;
};

type Work = { readonly from: KafkaOptions; readonly to: KafkaOptions; readonly registry: RegistryOptions; readonly names: Names; readonly flags: RepartitionFlags };

const GREATEST = 1_024;
/** Differences that a person is shown. */
const SHOWN = 20;
const EXAMPLES = `
Examples:
  fillstream repartition --partitions 24 --to wide                  what it would do
  fillstream repartition --partitions 24 --to wide --yes            copy what is there, while all runs on; as often as you like
  fillstream repartition --partitions 24 --to wide --yes --switch   old services stopped: copy the rest, tell what is news`;

export function repartitionCommand(): Command {
  const command = new Command('repartition')
    .description('Copy the records into a namespace with another number of partitions, and tell subscribers where to go on.')
    .requiredOption('--partitions <number>', 'how many the new topics have', wholeNumber)
    .requiredOption('--to <namespace>', 'the new namespace; --namespace is the old one')
    .option('--switch', 'the old services are stopped for good: copy the rest, wait for the new processors, compare', false)
    .option('--yes', 'do it: without, it only says what it would do', false)
    .option('--json', 'what was done and found, as NDJSON', false)
    .addHelpText('after', EXAMPLES);
  for (const option of kafkaFlags()) command.addOption(option);
  return command.action(runRepartition);
}

async function runRepartition(flags: RepartitionFlags): Promise<void> {
  const work = workOf(flags);
  const stop = stopper(undefined);
  try {
    await oldPartitions(work.from, flags.partitions);
    if (flags.yes) await carriedOut(work, stop.signal);
    else await planned(work);
  } finally {
    stop.dispose();
    leaveSoon();
  }
}

/** Throws UsageError. */
function workOf(flags: RepartitionFlags): Work {
  const { namespace, kafka: from, registry } = kafkaOptions(flags);
  if (!/^[a-zA-Z0-9_-]{1,60}$/.test(flags.to)) throw new UsageError('--to: expected up to 60 letters, digits, - and _');
  if (flags.to === namespace) throw new UsageError('--to: expected another namespace than --namespace');
  if (flags.partitions > GREATEST) throw new UsageError(`--partitions: expected up to ${String(GREATEST)}`);
  return { from, to: { ...from, namespace: flags.to }, registry, names: { from: namespace, to: flags.to }, flags };
}

async function planned({ from, to, flags }: Work): Promise<void> {
  const { boundsOf, planTopicsLike, readProgress } = await import('@fillstream/kafka');
  const topics = await planTopicsLike(from, to, flags.partitions);
  const progress = await readProgress(to);
  const bounds = await Promise.all(['fills', 'order-updates', 'gaps'].map(async (topic) => await boundsOf(from, topic)));
  const standings = progress === null ? [] : [...progress.inputs.map((all) => all.map(({ next }) => next)), progress.gaps];
  const left = bounds.reduce((sum, all, place) => sum + all.reduce((part, { partition, high }) => part + high - (standings[place]?.[partition] ?? 0), 0), 0);
  for (const line of planLines(topics, progress, left)) await printLine(line);
}

async function carriedOut(work: Work, stop: AbortSignal): Promise<void> {
  const { from, to, registry, names, flags } = work;
  const { makeTopicsLike, readProgress } = await import('@fillstream/kafka');
  const before = await readProgress(to);
  const isClosed = before !== null && before.state.kind !== 'copying';
  if (!isClosed) {
    await checkNobodyIn(to, 'stop them: nothing may work there while records are copied into it');
    if (flags.switch) await checkNobodyIn(from, 'stop them first: after --switch nothing more is copied');
    if (flags.switch) await checkProcessed(from);
    await makeTopicsLike(from, to, registry, flags.partitions);
  }
  const copied = await copiedBy(work, stop);
  if (stop.aborted) throw new InterruptedError('interrupted: run it again, and it goes on');
  if (copied.progress.state.kind === 'copying') {
    for (const line of flags.json ? [copiedJson(copied)] : copiedLines(copied, names)) await printLine(line);
    return;
  }
  const since = await recordsSince(from, copied.progress);
  if (since > 0) tell(`${since.toLocaleString('en')} records came onto the old topics after the last copy: they aren't in ${names.to}`);
  if (copied.progress.state.kind === 'closed') tell(`all is copied; waits for the processors of ${names.to}: start them now. Ctrl-C leaves, and the same command goes on`);
  const switched = await switchedBy(work, copied, stop);
  for (const line of flags.json ? [switchedJson(switched)] : switchedLines(switched, names)) await printLine(line);
}

/** With a bar on a terminal. */
async function copiedBy({ from, to, registry, flags }: Work, stop: AbortSignal): Promise<Copied> {
  const { copyInputs } = await import('@fillstream/kafka');
  const bar = progressBar(process.stderr);
  try {
    return await copyInputs({ from, to, registry, partitions: flags.partitions, isLast: flags.switch, stop, onProgress: bar.update });
  } finally {
    bar.stop();
  }
}

async function switchedBy({ from, to, registry, flags }: Work, { progress }: Copied, stop: AbortSignal): Promise<Switched> {
  const bar = progressBar(process.stderr);
  let most = 0;
  let shown = 0;
  try {
    return await switchOver({
      from, to, registry, progress, stop,
      onLeft: (left) => {
        most = Math.max(most, left);
        bar.update({ records: most - left, share: most === 0 ? null : (most - left) / most, streamTime: progress.latest ?? NaN });
      },
      onDifference: async (difference) => {
        shown += 1;
        if (flags.json) await printLine(differenceJson(difference, partitionIn(difference, flags.partitions)));
        else if (shown <= SHOWN) for (const line of differenceLines(difference)) await printLine(line);
      },
    });
  } finally {
    bar.stop();
  }
}

/** Of the new namespace. */
function partitionIn(difference: Difference, partitions: number): number {
  const [address = ''] = difference.kind === 'unreadable' ? [] : difference.id.split('/');
  return partitionOf(address, partitions);
}
