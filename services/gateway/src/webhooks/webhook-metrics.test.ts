// docs/webhooks.md has every metric of the deliveries, as it is, and no other.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KAFKA_ERROR_KINDS } from '@fillstream/kafka';
import { newRegistry } from '@fillstream/observe';
import { WebhookMetrics, type WebhooksStanding } from './webhook-metrics.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/webhooks.md');
const STANDING: WebhooksStanding = { webhooks: [{ isBroken: true, queued: 3, inFlight: 1 }, { isBroken: false, queued: 2, inFlight: 0 }], partitions: [0, 2], behind: new Map([[0, 7]]) };

async function valueOf({ registry }: WebhookMetrics, line: string): Promise<string | undefined> {
  return (await registry.metrics()).split('\n').find((each) => each.startsWith(`${line} `))?.slice(line.length + 1);
}

test('docs/webhooks.md has the metrics of the deliveries, with types, labels and values, and no others', async () => {
  const documented = Array.from(readFileSync(PAGE, 'utf8').matchAll(/^\| `(fillstream_\w+)` \| (\w+) \|([^|]*)\|/gm), ([, name, type, labels = '']) => [name, type, labels.trim()].join(' '));
  const own = new Set((await newRegistry().getMetricsAsJSON()).map(({ name }) => name));
  const { registry } = new WebhookMetrics({ standing: () => STANDING, kafkaErrors: KAFKA_ERROR_KINDS });
  const found = (await registry.getMetricsAsJSON()).filter(({ name }) => !own.has(name)).map(({ name, type, values }) => {
    const labels = Map.groupBy(values.flatMap(({ labels: each }) => Object.entries(each)).filter(([label]) => label !== 'le'), ([label]) => label);
    const texts = Array.from(labels, ([label, all]) => (label === 'partition' ? '`partition`' : `\`${label}\` (${[...new Set(all.map(([, value]) => String(value)))].join(', ')})`));
    return [name, type, texts.join(', ')].join(' ');
  });
  assert.deepEqual(found.sort(), documented.sort());
});

test('what deliveries meet is counted, and how they stand is asked', async () => {
  const metrics = new WebhookMetrics({ standing: () => STANDING });
  metrics.noteAnswer({ kind: 'timeout', ms: 20, reason: 'x' });
  metrics.noteAnswer({ kind: 'cut', ms: 20, reason: 'x' });
  metrics.noteTaken(Date.now() - 20);
  metrics.noteTaken(NaN);
  metrics.noteDead('broken');
  const expected = {
    'fillstream_webhook_posts_total{result="timeout"}': '1', 'fillstream_webhook_posts_total{result="taken"}': '0', 'fillstream_webhook_post_duration_seconds_count': '1',
    'fillstream_webhook_deliveries_total': '2', 'fillstream_webhook_latency_seconds_count': '1', 'fillstream_webhook_dead_letters_total{why="broken"}': '1',
    'fillstream_webhook_webhooks{state="working"}': '1', 'fillstream_webhook_webhooks{state="broken"}': '1', 'fillstream_webhook_queued_deliveries': '5',
    'fillstream_webhook_posts_in_flight': '1', 'fillstream_webhook_behind_offsets{partition="0"}': '7', 'fillstream_webhook_assigned_partitions': '2',
  };
  for (const [line, value] of Object.entries(expected)) assert.equal(await valueOf(metrics, line), value, line);
});

test('before the service has started nothing stands', async () => {
  const metrics = new WebhookMetrics({ standing: () => null });
  assert.equal(await valueOf(metrics, 'fillstream_webhook_queued_deliveries'), '0');
  assert.equal(await valueOf(metrics, 'fillstream_webhook_webhooks{state="working"}'), '0');
});
