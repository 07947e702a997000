// `fillstream doctor`: is everything there that an installation needs, and as it has to be?

import { dirname } from 'node:path';
import { PortError } from '@fillstream/runtime';
import { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { foldSettingsText, resolveSettings } from '../settings.ts';
import { settingsOptions, settingsSources, type SettingsFlags } from '../settings-flags.ts';
import { kafkaFlags, kafkaOptions, redisFlags, redisOptions, type KafkaFlags, type RedisFlags } from '../stack/connections.ts';
import { examine, type Installation } from './doctor/examine.ts';
import { summaryOf, tableOf, type Finding } from './doctor/finding.ts';
import { diskFinding, nodeFinding } from './doctor/machine.ts';

type DoctorFlags = KafkaFlags & RedisFlags & SettingsFlags & {
  readonly json: boolean;
  readonly data: string;
  readonly spill?: string;
  readonly retention: string;
  readonly timestampLimit: boolean;
};

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Check this machine, Kafka, the schema registry, Redis, and that they fit together; say what mends what doesn\'t.')
    .option('--json', 'a JSON object for each check', false)
    .option('--data <folder>', 'where start and stack keep their data', '.fillstream')
    .option('--spill <file>', 'the spill file of an ingestor on this machine')
    .option('--retention <ms>', 'how long records should be kept, -1 for good: as for topics create', '-1')
    .option('--no-timestamp-limit', 'the inputs should take any time: as for topics create');
  for (const option of [...kafkaFlags(), ...redisFlags(), ...settingsOptions()]) command.addOption(option);
  return command.action(runDoctor);
}

async function runDoctor(flags: DoctorFlags): Promise<void> {
  const installation = await installationOf(flags);
  const spill = flags.spill === undefined ? [] : [diskFinding('spill disk', dirname(flags.spill))];
  const findings = [nodeFinding(process.versions.node), diskFinding('data disk', flags.data), ...spill, ...await examine(installation)];
  process.stdout.write(flags.json ? linesOf(findings) : `${tableOf(findings)}${summaryOf(findings)}\n`);
  const count = findings.filter(({ verdict }) => verdict === 'broken').length;
  if (count > 0) throw new PortError('mismatch', `${String(count)} of ${String(findings.length)} checks found something broken`, { retryable: false });
}

/** Throws UsageError and SettingsError. */
async function installationOf(flags: DoctorFlags): Promise<Installation> {
  if (!/^(?:-1|[0-9]{1,15})$/.test(flags.retention)) throw new UsageError('--retention: expected milliseconds, or -1');
  const made = { retentionMs: Number(flags.retention), limitTimestamps: flags.timestampLimit };
  const { kafka, registry, namespace } = kafkaOptions(flags);
  const redis = redisOptions(flags);
  const settings = foldSettingsText(resolveSettings(settingsSources(flags)));
  const { topicSettings } = await import('@fillstream/kafka');
  const quiet = { onTrouble: () => undefined }; // What they meet is among the findings.
  return {
    kafka: { ...kafka, ...quiet }, registry, redis: { ...redis, ...quiet }, namespace, settings,
    settingsOf: (topic, replication) => topicSettings(topic, { ...made, replication }),
  };
}

function linesOf(findings: readonly Finding[]): string {
  return findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
}
