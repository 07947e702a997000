// `fillstream import`: journals and a node's files onto the input topics.
//
// M1  Old records of an address whose newer ones are on the topics would be stale (contract §7): a node's files are refused where
//     an address of theirs is watched, or has fills on topics that aren't the import's own.

import type { Imported } from '@fillstream/ingestor';
import type { KafkaOptions } from '@fillstream/kafka';
import { listNodeFiles } from '@fillstream/hyperliquid';
import { Command } from 'commander';
import { InterruptedError, UsageError } from '../errors.ts';
import { addressesOf } from '../exchange-flags.ts';
import { stopper, tell } from '../flags.ts';
import { NODE_FILE, withoutStatuses } from '../node-flags.ts';
import { longestPeriodMs, resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from './connections.ts';

type ImportFlags = KafkaFlags & SettingsFlags & {
  readonly journal?: readonly string[];
  readonly nodeFile?: readonly string[];
  readonly address?: readonly string[];
  readonly finish: boolean;
};

/** Of those that are in the way, so many are named. */
const NAMED = 3;

const EXAMPLES = `
Examples:
  fillstream import --namespace try --journal day.ndjson --finish
  fillstream import --namespace july --node-file node_fills_by_block/hourly/202507* --finish
  fillstream import --namespace july --node-file archive --address 0x… --address 0x…`;

export function importCommand(): Command {
  const command = new Command('import')
    .description('Put journals and a node\'s files on the input topics, merged by time, and a tick at the last time.')
    .option('--journal <file...>', 'a journal: plain, .gz, .zst or .lz4, or -')
    .option('--node-file <path...>', NODE_FILE)
    .option('--address <address...>', 'only the records of these')
    .option('--finish', 'end with a tick beyond the last deadline, so that all signals come; in a namespace of its own', false)
    .addHelpText('after', EXAMPLES);
  for (const option of [...kafkaFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(runImport);
}

async function runImport(flags: ImportFlags): Promise<void> {
  const { journal: journals = [], nodeFile: nodePaths = [] } = flags;
  const addresses = checkFlags(flags);
  const settings = resolveSettings(settingsSources(flags));
  const { kafka, registry } = kafkaOptions(flags);
  const nodeFiles = await listNodeFiles(nodePaths);
  const [{ importMerged }, { KafkaInputWriter }] = await Promise.all([import('@fillstream/ingestor'), import('@fillstream/kafka')]);
  const writer = await KafkaInputWriter.connect(kafka, registry);
  const stop = stopper(undefined);
  try {
    if (nodeFiles.length > 0) await checkNewcomers(kafka, addresses, flags.namespace !== '');
    const imported = await importMerged({
      paths: journals, nodeFiles, addresses, endAfterMs: flags.finish ? longestPeriodMs(settings) : 0, stop: stop.signal,
      append: async (batch) => {
        await writer.append(batch);
      },
    });
    for (const line of outcome(imported, nodeFiles.length > 0)) tell(line);
    if (!imported.isWhole) throw new InterruptedError('interrupted: the rest isn\'t there');
  } finally {
    stop.dispose();
    await writer.close();
  }
}

/** The addresses asked for, in lower case; null for all. Throws UsageError. */
function checkFlags({ journal = [], nodeFile = [], address, namespace, finish }: ImportFlags): ReadonlySet<string> | null {
  if (journal.length + nodeFile.length === 0) throw new UsageError('expected --journal FILE or --node-file PATH');
  if ([...journal, ...nodeFile].filter((path) => path === '-').length > 1) throw new UsageError('standard input can be only one of the files');
  if (finish && namespace === '') throw new UsageError('--finish: expected a --namespace of its own, as it moves time ahead for all that share the topics');
  if (nodeFile.length > 0 && address === undefined && namespace === '') {
    throw new UsageError('--node-file: expected a --namespace of its own, or an --address that is new here, as a node\'s files hold everybody\'s records');
  }
  return address === undefined ? null : new Set(addressesOf(address));
}

/** Refuses addresses that are known here already (M1). Throws UsageError and PortError. */
async function checkNewcomers(kafka: KafkaOptions, addresses: ReadonlySet<string> | null, hasNamespace: boolean): Promise<void> {
  const { addressesWithFills, watchedAddresses } = await import('@fillstream/ingestor/known-addresses');
  const watched = await watchedAddresses(kafka);
  const inTheWay = addresses === null ? watched : watched.intersection(addresses);
  if (inTheWay.size > 0) throw new UsageError(`--node-file: ${named(inTheWay)} watched or fetched here, so older records come too late: import into a --namespace of its own`);
  if (hasNamespace || addresses === null) return;
  tell('looking whether the addresses are new on the topic fills; a --namespace of its own spares that');
  const filled = await addressesWithFills(kafka, addresses);
  if (filled.size > 0) throw new UsageError(`--node-file: ${named(filled)} on the topic fills already, so older records come too late: import into a --namespace of its own`);
}

function named(addresses: ReadonlySet<string>): string {
  const [first, ...rest] = [...addresses].sort();
  const shown = [first, ...rest.slice(0, NAMED - 1)].join(', ');
  if (addresses.size > NAMED) return `${shown} and ${String(addresses.size - NAMED)} more are`;
  return addresses.size === 1 ? `${shown} is` : `${shown} are`;
}

function outcome({ records, orderUpdates, unknown, leftOut }: Imported, hasNodeFiles: boolean): string[] {
  return [
    `${String(records)} records are on the topics`,
    ...(leftOut === 0 ? [] : [`${String(leftOut)} records of other addresses were left out`]),
    ...(unknown === 0 ? [] : [`${String(unknown)} of the records are none that can be used: the processor puts them on the topic quarantine`]),
    ...(!hasNodeFiles || orderUpdates > 0 ? [] : [withoutStatuses('processor')]),
  ];
}
