// Alerts on the real thing, as in alerts.test.ts: those of gateways and webhooks, and of the exchange's limits, each of its cause.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CAUSED } from './alert-causes.ts';
import { LimitedSite, ServingSite } from './alert-serving-sites.ts';
import { Watcher, meanwhile } from './alerts.ts';
import { serversOfTests } from './cluster.ts';
import { folderFor } from './command.ts';
import { RULES, prometheusOr, rulesOf } from './monitoring.ts';

/** Of a slow machine; and of a gateway that begins anew, connections that are cut, and what waits for them. */
const MAY_FOLLOW = [
  'LatencyHigh', 'Lagging', 'NoProgress', 'EventLoopBlocked', 'Interruptions', 'Rebalancing', 'PartitionsUnowned', 'Down', 'NoProcessor',
  'NoIngestor', 'NoWebhooks', 'KafkaErrors', 'LsoStuck', 'Rebuilding', 'RedisErrors',
];
const WRITE_MS = 500;

const { namespace: SERVING } = ServingSite;
const { namespace: LIMITED } = LimitedSite;
const found = await prometheusOr();
const rules = readFileSync(RULES, 'utf8');
const held = serversOfTests();

test('every alert of the rules is made to fire, here or in alerts.test.ts', () => {
  const alerts = rulesOf(rules).flatMap(({ kind, name }) => (kind === 'alert' ? [name] : []));
  assert.deepEqual(Object.values(CAUSED).flat().toSorted(), alerts.toSorted());
});

test('nothing fires while all is well, and each alert of those who serve fires of its cause', { skip: typeof found === 'string' ? found : false }, async (t) => {
  assert.ok(typeof found !== 'string');
  const folder = folderFor(t);
  const [serving, limited] = await Promise.all([ServingSite.start(t, held(), folder), LimitedSite.start(t, held())]);
  const goOn = async (): Promise<void> => {
    await serving.write();
    await sleep(WRITE_MS);
  };
  // While nothing comes a gateway goes on telling how late the last signals were: only others that aren't late end that.
  const watcher = await meanwhile(goOn, async () => await Watcher.start(folder, found, rules, [...serving.targets, ...limited.targets]));
  t.after(async () => await watcher.stop());

  await watcher.beWell(async () => await serving.write());

  await meanwhile(goOn, async () => await Promise.all([
    firstGatewayTroubles(watcher, serving), secondGatewayTroubles(watcher, serving), webhookTroubles(watcher, serving),
    watcher.causedByTurns('connections that are cut again and again', LIMITED, ['FillstreamExchangeLimited'], async () => await limited.cut()),
  ]));
  await watcher.assertNothingElse({
    [SERVING]: ['GatewayFull', 'GatewayRefusals', 'GatewayFailing', 'GatewaySlow', 'GatewayStalled', 'GatewayNotReady', 'WebhookUndelivered', 'WebhookBehind', 'WebhookBroken'],
    [LIMITED]: ['ExchangeLimited', 'AddressesNotLive', 'Reconnecting'],
  }, MAY_FOLLOW);

  await Promise.all([
    watcher.caused('all gateways died', SERVING, ['FillstreamNoGateway'], () => serving.killGateways()),
    watcher.caused('the only process that posts died', SERVING, ['FillstreamNoWebhooks'], () => serving.killWebhooks()),
  ]);
  watcher.assertTold(CAUSED.serving);
});

async function firstGatewayTroubles(watcher: Watcher, serving: ServingSite): Promise<void> {
  let leave = async (): Promise<void> => await Promise.resolve();
  const showRedis = serving.hideRedis();
  await Promise.all([
    watcher.caused('clients with nearly all streams', SERVING, ['FillstreamGatewayFull'], async () => {
      leave = await serving.takeStreams();
    }),
    watcher.causedByTurns('somebody who tries tokens', SERVING, ['FillstreamGatewayRefusals'], async () => await serving.tryToken()),
    watcher.causedByTurns('questions that only Redis can answer, and it can\'t', SERVING, ['FillstreamGatewayFailing'], async () => await serving.askForLife()),
  ]);
  await leave();
  showRedis();
  let hasten = (): void => undefined;
  await watcher.caused('a line to Kafka that takes seconds', SERVING, ['FillstreamGatewaySlow'], () => {
    hasten = serving.delay();
  });
  hasten();
}

async function secondGatewayTroubles(watcher: Watcher, serving: ServingSite): Promise<void> {
  let mend = (): void => undefined;
  await watcher.caused('a Kafka that says nothing', SERVING, ['FillstreamGatewayStalled'], () => {
    mend = serving.silence();
  });
  mend();
  await watcher.caused('a Kafka that lets nobody begin to read', SERVING, ['FillstreamGatewayNotReady'], async () => {
    mend = await serving.beginAnew();
  });
  mend();
}

async function webhookTroubles(watcher: Watcher, serving: ServingSite): Promise<void> {
  const { receiver } = serving;
  await watcher.caused('a record that is no signal', SERVING, ['FillstreamWebhookUndelivered'], async () => await serving.writeRubbish());
  const answered = Promise.withResolvers<number>();
  await watcher.caused('a receiver that does not answer', SERVING, ['FillstreamWebhookBehind'], () => {
    receiver.answer(async () => await answered.promise);
  });
  receiver.answer(() => 204);
  answered.resolve(204);
  await watcher.caused('a receiver that takes nothing', SERVING, ['FillstreamWebhookBroken', 'FillstreamWebhookUndelivered'], () => {
    receiver.answer(() => 500);
  });
  receiver.answer(() => 204);
}
