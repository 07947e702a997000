// Alerts on the real thing: two installations under load, Prometheus with the very rules on a time scale of seconds. Nothing
// fires while all is well; then each cause makes its alerts fire, of which none did right before it, and nothing else fires but
// what may follow.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CAUSED } from './alert-causes.ts';
import { LiveSite, RedisSite } from './alert-sites.ts';
import { Watcher } from './alerts.ts';
import { startServers, type Servers } from './cluster.ts';
import { folderFor } from './command.ts';
import { RULES, dashboards, familyOf, metricsOf, prometheusOr, rulesOf, subscriberMetrics } from './monitoring.ts';

/** Of a slow machine; and of what is cut, killed and refused: connects used up, transactions that nobody ends. */
const MAY_FOLLOW = [
  'LatencyHigh', 'Lagging', 'LagNearRetention', 'NoProgress', 'EventLoopBlocked', 'Interruptions', 'Rebalancing', 'PartitionsUnowned', 'Down',
  'NoTicks', 'NoIngestor', 'Reconnecting', 'AddressesNotLive', 'ExchangeLimited', 'RedisErrors', 'KafkaErrors', 'LsoStuck', 'Rebuilding',
];
/** What Prometheus itself has. */
const OWN = ['up', 'ALERTS'];

const { namespace: LIVE } = LiveSite;
const { namespace: REDIS } = RedisSite;
const found = await prometheusOr();
const rules = readFileSync(RULES, 'utf8');
let servers: Servers | null = null;

before(async () => {
  if (typeof found !== 'string') servers = await startServers();
});

after(async () => {
  await servers?.close();
});

test('nothing fires while all is well, and each alert fires of its cause', { skip: typeof found === 'string' ? found : false }, async (t) => {
  assert.ok(servers !== null && typeof found !== 'string');
  const folder = folderFor(t);
  const [live, redis] = await Promise.all([LiveSite.start(t, servers, folder), RedisSite.start(t, servers, folder)]);
  const targets = [...live.targets, ...redis.targets];
  await assertMetricsExist(targets.map(({ address }) => address));
  const watcher = await Watcher.start(folder, found, rules, targets);
  t.after(async () => await watcher.stop());

  await watcher.beWell(async () => await redis.write(20));

  const answered = Promise.withResolvers<void>();
  await Promise.all([liveTroubles(watcher, live, answered.resolve), redisTroubles(watcher, redis, answered.promise)]);
  await watcher.assertNothingElse({
    [LIVE]: [
      'Quarantine', 'OrphanedStatuses', 'AddressesUnwatched', 'LatencyHigh', 'Gap', 'LsoStuck', 'NoProgress', 'Lagging', 'LagNearRetention', 'Reconnecting', 'AddressesNotLive', 'Down', 'NoIngestor', 'NoTicks',
    ],
    [REDIS]: [
      'RedisEvictions', 'RedisMemory', 'StateLost', 'Interruptions', 'EventLoopBlocked', 'Restarting', 'Rebalancing', 'PartitionsUnowned', 'Down', 'NoProgress', 'Rebuilding', 'RedisErrors',
    ],
  }, MAY_FOLLOW);

  await Promise.all([
    watcher.caused('Kafka died', LIVE, ['FillstreamKafkaErrors', 'FillstreamSpilling', 'FillstreamSpillFull'], async () => {
      await Promise.all(servers?.kafka.nodes.map(async ({ process }) => await process.kill()) ?? []);
    }),
    watcher.caused('the only processor died', LIVE, ['FillstreamNoProcessor'], () => {
      live.processor.kill('SIGKILL');
    }),
  ]);

  watcher.assertTold(CAUSED.processing);
});

async function liveTroubles(watcher: Watcher, live: LiveSite, onAnswer: () => void): Promise<void> {
  const beSlow = (): void => void live.exchange.fault('slow', { bytesPerSecond: 200, forMs: 20_000 });
  const again = setInterval(beSlow, 4_000); // A connection that was given up for it is followed by one that isn't slow.
  await Promise.all([
    watcher.caused('frames that come late', LIVE, ['FillstreamLatencyHigh'], beSlow).finally(() => clearInterval(again)),
    watcher.caused('a registry that does not answer', LIVE, ['FillstreamNoProgress', 'FillstreamLagging', 'FillstreamLagNearRetention'], async () => await live.hideSchema()),
  ]);
  live.exchange.clearFaults();
  await Promise.all([
    watcher.caused('a record of no known schema', LIVE, ['FillstreamQuarantine'], () => {
      live.answer();
      onAnswer();
    }),
    watcher.caused('a status without fills', LIVE, ['FillstreamOrphanedStatuses'], async () => await live.orphan()),
    watcher.caused('one address too many', LIVE, ['FillstreamAddressesUnwatched'], async () => await live.crowd()),
  ]);
  await watcher.caused('more fills than the exchange keeps', LIVE, ['FillstreamGap'], async () => await live.makeRoom());
  let abort = async (): Promise<void> => await Promise.resolve();
  await Promise.all([
    watcher.caused('a transaction that hangs', LIVE, ['FillstreamLsoStuck'], async () => {
      abort = await live.openTransaction();
    }),
    connectionTroubles(watcher, live),
  ]);
  live.exchange.clearFaults();
  await abort();
  await watcher.caused('the only ingestor stood still', LIVE, ['FillstreamDown', 'FillstreamNoIngestor', 'FillstreamNoTicks'], () => {
    live.ingestor.kill('SIGSTOP');
  });
  live.ingestor.kill('SIGCONT');
}

/** An address that was fetched for long was not live either: that has to be over. */
async function connectionTroubles(watcher: Watcher, live: LiveSite): Promise<void> {
  const isNotLive = async (): Promise<boolean> => (await watcher.firingNow()).has(`FillstreamAddressesNotLive of ${LIVE}`);
  await watcher.until('all are live', async () => !await isNotLive());
  await watcher.caused('connections that are cut', LIVE, ['FillstreamReconnecting'], async () => {
    for (let cut = 0; cut < 3; cut += 1) {
      live.exchange.fault('cut');
      await sleep(1_500);
    }
  });
  await watcher.until('all are live again', async () => !await isNotLive());
  live.exchange.fault('refuse-connect', { probability: 1 });
  live.exchange.fault('cut');
  await watcher.until('FillstreamAddressesNotLive fires', isNotLive);
}

async function redisTroubles(watcher: Watcher, redis: RedisSite, answered: Promise<void>): Promise<void> {
  await watcher.caused('Redis is full and evicts', REDIS, ['FillstreamRedisEvictions', 'FillstreamRedisMemory', 'FillstreamStateLost', 'FillstreamInterruptions'], async () => {
    await redis.evict();
    await redis.write();
  });
  await redis.mend();
  await watcher.causedByTurns('a process without a core', REDIS, ['FillstreamEventLoopBlocked'], async () => await redis.stutter());
  await answered; // A processor that starts asks the registry.
  await watcher.caused('a process that is started again and again', REDIS, ['FillstreamRestarting', 'FillstreamRebalancing'], async () => {
    for (let time = 0; time < 3; time += 1) {
      const before = await startsOf(watcher);
      await redis.restart();
      await watcher.until('the new process is seen', async () => await startsOf(watcher) > before);
    }
  });
  await watcher.caused('Redis gives no answer to the one who takes over', REDIS, [
    'FillstreamPartitionsUnowned', 'FillstreamNoProgress', 'FillstreamRebuilding', 'FillstreamRedisErrors',
  ], () => {
    redis.freezeAndKill();
  });
}

/** The sum over the processes' starts: grows with each. */
async function startsOf(watcher: Watcher): Promise<number> {
  const found = await watcher.query(`sum(last_over_time(fillstream_process_start_time_seconds{namespace="${REDIS}"}[1m]))`);
  return found[0]?.value ?? 0;
}

/** Every metric that rules and dashboards name is one of those that these serve, or one of a gateway's or the webhooks'. */
async function assertMetricsExist(addresses: readonly string[]): Promise<void> {
  const texts = await Promise.all(addresses.map(async (address) => await (await fetch(`http://${address}/metrics`)).text()));
  const served = new Set([...await subscriberMetrics(), ...texts.flatMap((text) => Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name))]);
  const all = rulesOf(rules);
  const recorded = all.filter(({ kind }) => kind === 'record').map(({ name }) => name);
  const exprs = [...all.map(({ expr }) => expr), ...dashboards().flatMap(({ panels }) => panels.flatMap((panel) => panel.exprs))];
  const named = new Set(exprs.flatMap(metricsOf));
  assert.deepEqual([...named].filter((name) => !served.has(name) && !served.has(familyOf(name)) && ![...OWN, ...recorded].includes(name)), []);
}
