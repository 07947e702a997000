// docs/metrics.md has every metric that a service has, as it is, and no other.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Registry } from 'prom-client';
import { IngestorMetrics } from './ingestor-metrics.ts';
import type { ProcessorStanding } from './processor-gauges.ts';
import { ProcessorMetrics } from './processor-metrics.ts';
import { newRegistry } from './registry.ts';

const ROOT = join(import.meta.dirname, '../../..');
const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');

/** Name, type, and labels, those of known values with their values in parentheses. */
type Row = { readonly name: string; readonly type: string; readonly labels: string };

const documented: Row[] = Array.from(page.matchAll(/^\| `(fillstream_\w+)` \| (\w+) \|([^|]*)\|/gm), ([, name = '', type = '', labels = '']) => ({ name, type, labels: labels.trim() }));

const ONE: ProcessorStanding = {
  partitionCount: 1,
  partitions: [{ partition: 0, stage: 'working', sinceProgressMs: 0, holdings: { streamTime: 1, soonestDeadline: 1, waits: { parked: 0, grace: 0, quiet: 0, timeout: 0, reported: 0, absent: 0 } } }],
  lags: [{ topic: 'fills', partition: 0, records: 0, ageMs: 0, unstable: 0 }],
  retention: new Map([['fills', null]]),
  redis: { memoryBytes: 0, limitBytes: 0, evictedKeys: 0 },
};

/** The values that a union of a source file has, which this package can't import. */
function valuesIn(file: string, name: string): string[] {
  const [, list = ''] = new RegExp(`export const ${name} = \\[([^\\]]+)\\]`).exec(readFileSync(join(ROOT, file), 'utf8')) ?? [];
  return Array.from(list.matchAll(/'([\w-]+)'/g), ([, value = '']) => value);
}

async function rowsOf(registry: Registry): Promise<Row[]> {
  const own = new Set((await newRegistry().getMetricsAsJSON()).map(({ name }) => name));
  const metrics = (await registry.getMetricsAsJSON()).filter(({ name }) => !own.has(name));
  return metrics.map(({ name, type, values }) => {
    const labels = new Map<string, Set<string>>();
    for (const [label, value] of values.flatMap((each) => Object.entries(each.labels)).filter(([label]) => label !== 'le')) {
      labels.set(label, (labels.get(label) ?? new Set()).add(String(value)));
    }
    return { name, type: String(type), labels: Array.from(labels, ([label, known]) => labelText(String(type), name, label, [...known])).join(', ') };
  });
}

/** A gauge of partitions or topics has as many as there are. */
function labelText(type: string, name: string, label: string, values: readonly string[]): string {
  const isOpen = type === 'gauge' && (label === 'partition' || label === 'topic');
  assert.ok(isOpen || values.length > 0, name);
  return isOpen ? `\`${label}\`` : `\`${label}\` (${values.join(', ')})`;
}

test('docs/metrics.md has the metrics of both services, with types, labels and values, and no others', async () => {
  const registry = newRegistry();
  const kafkaErrors = valuesIn('packages/kafka/src/connection.ts', 'KAFKA_ERROR_KINDS');
  const redisErrors = valuesIn('packages/redis/src/patience.ts', 'REDIS_ERROR_KINDS');
  const steps = valuesIn('packages/kafka/src/outputs.ts', 'COMMIT_STEPS');
  for (const list of [kafkaErrors, redisErrors, steps]) assert.ok(list.length > 2);
  new IngestorMetrics({ standing: () => null, kafkaErrors, registry });
  new ProcessorMetrics({ topics: ['fills', 'order-updates'], standing: () => ONE, steps, kafkaErrors, redisErrors, registry });
  const byName = (rows: readonly Row[]): Row[] => rows.map((row) => ({ ...row, labels: sorted(row.labels) })).sort((a, b) => (a.name < b.name ? -1 : 1));
  assert.deepEqual(byName(await rowsOf(registry)), byName(documented));
});

/** Both services have stages of the same histogram: their order is nobody's. */
function sorted(labels: string): string {
  return labels.replaceAll(/\(([^)]*)\)/g, (_, list: string) => `(${list.split(', ').sort().join(', ')})`);
}

test('the metrics of the process that docs/metrics.md names are there', async () => {
  const own = new Set((await newRegistry().getMetricsAsJSON()).map(({ name }) => name));
  const named = Array.from((page.split('## The process')[1] ?? '').matchAll(/`(fillstream_\w+)`/g), ([, name = '']) => name);
  assert.ok(named.length > 5);
  assert.deepEqual(named.filter((name) => !own.has(name)), []);
});
