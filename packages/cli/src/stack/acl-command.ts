// `fillstream acl`: least rights for each part of an installation, to be printed, or given in Kafka at once.

import { createHash } from 'node:crypto';
import type { Role } from '@fillstream/kafka';
import type { RedisRole } from '@fillstream/redis';
import { Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { tell } from '../flags.ts';
import { checkNamespace, kafkaFlags, kafkaOptions, passwordIn, type KafkaFlags } from './connections.ts';

type Pairs = Readonly<Record<string, string>>;
type KafkaAclFlags = KafkaFlags & { readonly user?: Pairs; readonly apply: boolean };
type RedisAclFlags = { readonly namespace: string; readonly user?: Pairs; readonly passwordFile?: Pairs };

const USER = 'log in as this instead of NAMESPACE-ROLE; may be given several times';
/** Without what a shell or an ACL file gives a meaning. */
const NAME = /^[a-zA-Z0-9_@.,:=/+-]+$/;

export function aclCommand(): Command {
  const command = new Command('acl').description('Least rights for each part of an installation, in Kafka and in Redis.');
  const kafka = command.command('kafka').description('Print a script of kafka-acls.sh lines for the roles topics, ingestor, processor, operator, gateway, webhooks and subscriber.')
    .addOption(new Option('--user <role=name>', USER).argParser(pair))
    .option('--apply', 'give the rights now, logged in as one who may: nothing is printed', false);
  for (const option of kafkaFlags()) kafka.addOption(option);
  kafka.action(runKafka);
  const redis = command.command('redis').description('Print an ACL file for the roles processor and operator.')
    .addOption(new Option('--user <role=name>', USER).argParser(pair))
    .addOption(new Option('--password-file <role=file>', 'its password, of which the hash is printed; without, nobody can log in').argParser(pair));
  for (const option of kafkaFlags()) if (option.long === '--namespace') redis.addOption(option);
  redis.action(runRedis);
  return command;
}

async function runKafka(flags: KafkaAclFlags): Promise<void> {
  const { ROLES, aclArguments, giveRights, rightsOf, userOf } = await import('@fillstream/kafka');
  const { kafka, namespace } = kafkaOptions(flags);
  const users: Readonly<Partial<Record<string, string>>> = namesOf(flags.user, ROLES);
  const given = ROLES.map((role: Role) => ({ user: users[role] ?? userOf(role, namespace), rights: rightsOf(role, namespace) }));
  if (flags.apply) {
    tell(`${String(await giveRights(kafka, given))} rights of ${given.map(({ user }) => user).join(', ')} are there`);
    return;
  }
  const lines = given.flatMap(({ user, rights }) => rights.map((right) => ['kafka-acls.sh', '"$@"', ...aclArguments(user, right)].join(' ')));
  process.stdout.write(`#!/bin/sh -e\n# Arguments are put into each line: --bootstrap-server HOST:PORT --command-config FILE\n${lines.join('\n')}\n`);
}

async function runRedis({ namespace, user, passwordFile }: RedisAclFlags): Promise<void> {
  checkNamespace(namespace);
  const { REDIS_ROLES, aclLines } = await import('@fillstream/redis');
  const users: Readonly<Partial<Record<string, string>>> = namesOf(user, REDIS_ROLES);
  const files: Readonly<Partial<Record<string, string>>> = known('--password-file', passwordFile ?? {}, REDIS_ROLES);
  const prefix = namespace === '' ? 'fillstream' : namespace;
  const lines = aclLines(REDIS_ROLES.map((role: RedisRole) => (
    { role, name: users[role] ?? `${prefix}-${role}`, passwordHash: hashIn(files[role]) }
  )), namespace);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** null without a file. Throws UsageError. */
function hashIn(file: string | undefined): string | null {
  if (file === undefined) return null;
  const password = passwordIn('--password-file', file);
  if (password === '') throw new UsageError('--password-file: expected a password in the file, which is empty');
  return createHash('sha256').update(password).digest('hex');
}

/** Throws UsageError. */
function namesOf(pairs: Pairs = {}, roles: readonly string[]): Pairs {
  const bad = Object.values(pairs).find((name) => !NAME.test(name));
  if (bad !== undefined) throw new UsageError(`--user: expected a name without spaces and quotes, got ${JSON.stringify(bad)}`);
  return known('--user', pairs, roles);
}

/** Throws UsageError for a role that there isn't. */
function known(flag: string, pairs: Pairs, roles: readonly string[]): Pairs {
  const strange = Object.keys(pairs).find((role) => !roles.includes(role));
  if (strange !== undefined) throw new UsageError(`${flag}: expected a role (${roles.join(', ')}), got ${JSON.stringify(strange)}`);
  return pairs;
}

/** `role=value`, added to those before. */
function pair(text: string, before: Pairs = {}): Pairs {
  const [, role, value] = /^([a-z]+)=(.+)$/.exec(text) ?? [];
  if (role === undefined || value === undefined) throw new InvalidArgumentError('Expected ROLE=VALUE.');
  return { ...before, [role]: value };
}
