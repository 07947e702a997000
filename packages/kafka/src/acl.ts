// What each part of an installation may do in Kafka, and nothing else: rights by role, as lines of `kafka-acls.sh` or made here.
//
// A1  A role may do what its commands do, and nobody but `topics` may make a topic; no role may change or delete one.
// A2  Rights are on names, or on prefixes that nothing else of an installation begins with.

import { SUBSCRIBER_TOPICS, TOPICS, type Topic } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import kafkajs, { type AclEntry } from 'kafkajs';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs; // As in topics.ts.

/** Who logs in: `topics create`; ingestor, import and backfill; the processor; whoever operates it; gateway; webhooks; whoever reads signals. */
export const ROLES = ['topics', 'ingestor', 'processor', 'operator', 'gateway', 'webhooks', 'subscriber'] as const;
export type Role = (typeof ROLES)[number];

export type Operation = 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs';

/** Operations on every one of `names`; Read and Write imply Describe. */
export type Right = {
  readonly resource: 'topic' | 'group' | 'transactional-id';
  readonly names: readonly string[];
  readonly pattern: 'literal' | 'prefixed';
  readonly operations: readonly Operation[];
};

/** Groups of random names, which begin alike in every namespace: of newest.ts, topic-tail.ts, stretch-reader.ts. */
const READER = 'fillstream-reader-';
const TAIL = 'fillstream-tail-';
const STRETCHES = 'fillstream-stretches-';

const OPERATIONS = {
  Read: AclOperationTypes.READ, Write: AclOperationTypes.WRITE, Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE, DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
} satisfies Record<Operation, number>;
const RESOURCES = {
  'topic': AclResourceTypes.TOPIC, 'group': AclResourceTypes.GROUP, 'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
} satisfies Record<Right['resource'], number>;
const PATTERNS = { literal: ResourcePatternTypes.LITERAL, prefixed: ResourcePatternTypes.PREFIXED };

/** The name that a role logs in with, unless it is told another. */
export function userOf(role: Role, namespace: string): string {
  return `${namespace === '' ? 'fillstream' : namespace}-${role}`;
}

/** All that a role may do in a namespace (A1). */
export function rightsOf(role: Role, namespace: string): readonly Right[] {
  const named = (names: readonly string[]): string[] => names.map((name) => nameIn(namespace, name));
  const topics = (names: readonly Topic[], ...operations: Operation[]): Right => ({ resource: 'topic', names: named(names), pattern: 'literal', operations });
  const group = (name: string, operation: Operation): Right => ({ resource: 'group', names: named([name]), pattern: 'literal', operations: [operation] });
  const groups = (...names: string[]): Right => ({ resource: 'group', names, pattern: 'prefixed', operations: ['Read'] });
  const transactional = (name: string, pattern: Right['pattern']): Right => (
    { resource: 'transactional-id', names: named([name]), pattern, operations: ['Write'] }
  );
  switch (role) {
    case 'topics': return [topics(TOPICS, 'Create', 'Describe', 'DescribeConfigs')];
    case 'ingestor': return [
      topics([...INPUT_TOPICS, 'ingest-progress', 'gaps'], 'Write', 'DescribeConfigs'),
      topics(['watchlist', 'ingest-progress', 'repairs'], 'Read', 'DescribeConfigs'),
      topics(['fills'], 'Read'), // An import looks whether addresses are new.
      group('ingestor', 'Read'), groups(TAIL, STRETCHES),
    ];
    case 'processor': return [
      topics([...INPUT_TOPICS, 'commits'], 'Read', 'DescribeConfigs'),
      topics(['signals', 'quarantine', 'repairs', 'commits'], 'Write', 'DescribeConfigs'),
      group('processor', 'Read'), transactional('processor-', 'prefixed'),
    ];
    case 'operator': return [
      topics(TOPICS, 'Read', 'DescribeConfigs'),
      topics([...INPUT_TOPICS, 'watchlist', ...SUBSCRIBER_TOPICS], 'Write'), // `quarantine retry`, `watch`, `token`, `webhook`.
      group('processor', 'Describe'), group('ingestor', 'Describe'), groups(READER, TAIL, STRETCHES, ...named(['replay-'])),
      transactional('processor-doctor', 'literal'),
    ];
    case 'gateway': return [
      topics([...INPUT_TOPICS, 'signals', 'commits', 'quarantine', 'tokens'], 'Read', 'DescribeConfigs'),
      group('processor', 'Describe'), groups(READER, TAIL, STRETCHES),
    ];
    case 'webhooks': return [
      topics(['signals', 'webhooks'], 'Read'),
      topics(['webhook-dead-letters'], 'Write'),
      group('webhooks', 'Read'), groups(TAIL, STRETCHES),
    ];
    case 'subscriber': return [topics(['signals'], 'Read'), groups(STRETCHES, ...named(['subscriber']))];
  }
}

/** As arguments of `kafka-acls.sh`, without those that say how to reach a broker. */
export function aclArguments(user: string, { resource, names, pattern, operations }: Right): readonly string[] {
  return [
    '--add', '--allow-principal', `User:${user}`,
    ...operations.flatMap((operation) => ['--operation', operation]),
    ...names.flatMap((name) => [`--${resource}`, name]),
    ...(pattern === 'prefixed' ? ['--resource-pattern-type', 'prefixed'] : []),
  ];
}

/** Gives rights to users; those that are there stay. Resolves to how many there are of these. Throws PortError. */
export async function giveRights(options: KafkaOptions, given: readonly { readonly user: string; readonly rights: readonly Right[] }[]): Promise<number> {
  const acl = given.flatMap(({ user, rights }) => rights.flatMap((right) => entriesOf(user, right)));
  await withAdmin(connectionOf(options), async (admin) => await admin.createAcls({ acl }));
  return acl.length;
}

function entriesOf(user: string, { resource, names, pattern, operations }: Right): AclEntry[] {
  return names.flatMap((resourceName) => operations.map((operation): AclEntry => ({
    resourceType: RESOURCES[resource], resourceName, resourcePatternType: PATTERNS[pattern],
    principal: `User:${user}`, host: '*', operation: OPERATIONS[operation], permissionType: AclPermissionTypes.ALLOW,
  })));
}
