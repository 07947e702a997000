// Webhooks and tokens on real servers: every signal that is owed is taken or kept, whoever fails, and no secret is told.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newToken } from '@fillstream/gateway/tokens/authority';
import { KafkaTokens } from '@fillstream/gateway/tokens/kafka-tokens';
import { WebhookService, type WebhookEvent, type WebhookServiceOptions } from '@fillstream/gateway/webhooks/service';
import { Receiver, type Received } from '@fillstream/gateway/webhooks/test-receiver';
import { newWebhook } from '@fillstream/gateway/webhooks/webhooks';
import { testSignal } from '@fillstream/gateway/feed/test-source';
import { DEFAULT_TOPICS, KafkaInputWriter, boundsOf, connectionOf, createTopics, nameIn, withAdmin } from '@fillstream/kafka';
import { SUBSCRIBER_TOPICS, encodeSignal, encodeToken, encodeWebhook, schemaTextOf, type Signal } from '@fillstream/schemas';
import { Installation, SESSION_MS, serversOfTests } from './cluster.ts';
import { assertRefused, fillstream, folderFor, start, type Ended, type Running } from './command.ts';
import { SEED, marketLines, writeLines } from './journals.ts';
import { until } from './until.ts';

const PARTITIONS = 3;
const PATIENCE = { patienceMs: 90_000 };
const held = serversOfTests();
/** All that commands and services have said, and what must be nowhere in it. */
const said: string[] = [];
const secrets: string[] = [];

after(() => {
  const all = said.join('\n');
  assert.ok(secrets.length > 5 && all.length > 1_000);
  assert.deepEqual(secrets.filter((secret) => all.includes(secret)), [], 'a secret was told');
});

class Site {
  readonly installation: Installation;
  readonly #flags: readonly string[];
  readonly #t: TestContext;

  static async start(t: TestContext, namespace: string): Promise<Site> {
    const site = new Site(t, namespace);
    const { kafka, registry } = site.installation;
    await createTopics(kafka, registry, { ...DEFAULT_TOPICS, partitions: PARTITIONS, limitTimestamps: false });
    return site;
  }

  constructor(t: TestContext, namespace: string) {
    this.#t = t;
    this.installation = new Installation(held(), namespace);
    this.#flags = ['--kafka', held().kafka.bootstrap, '--registry', held().registry.url, '--namespace', namespace];
  }

  async command(...args: readonly string[]): Promise<Ended> {
    const ended = await fillstream([...args, ...this.#flags]);
    said.push(ended.stderr, ...(/^(?:webhook add|token create)/.test(args.join(' ')) ? [] : [ended.stdout]));
    return ended;
  }

  async done(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(...args);
    assert.equal(code, 0, stderr);
    return stdout.trimEnd();
  }

  /** Its id and secret; made as the command makes it. */
  async hook(url: string): Promise<{ readonly id: string; readonly secret: string }> {
    const { kafka, registry } = this.installation;
    const webhook = newWebhook({ url, filter: {}, label: null, from: (await boundsOf(kafka, 'signals')).map(({ high }) => high) }, Date.now());
    const writer = await KafkaInputWriter.connect(kafka, registry, ['webhooks']);
    await writer.note({ topic: 'webhooks', key: webhook.id, timestamp: Date.now(), body: encodeWebhook(webhook) });
    await writer.close();
    secrets.push(webhook.secret);
    return webhook;
  }

  /** The same, by the command. */
  async webhook(url: string, ...args: readonly string[]): Promise<{ readonly id: string; readonly secret: string }> {
    const { stdout, stderr, code } = await this.command('webhook', 'add', url, ...args);
    assert.equal(code, 0, stderr);
    const secret = stdout.trimEnd();
    assert.match(secret, /^whsec_[A-Za-z0-9_-]{43}$/);
    secrets.push(secret);
    return { id: /secret of (wh_[0-9a-f]{12}),/.exec(stderr)?.[1] ?? '', secret };
  }

  /** The service as a process of its own. */
  service(...args: readonly string[]): Running {
    const flags = ['--allow-private', '--session-timeout', String(SESSION_MS), '--timeout', '1s', '--retry-wait', '20ms'];
    const running = start(['webhooks', ...this.#flags, ...flags, ...args], { env: { FILLSTREAM_LOG: 'json' } });
    const ended = running.ended.then(({ stderr }) => said.push(stderr));
    this.#t.after(async () => {
      running.kill('SIGKILL');
      await ended;
    });
    return running;
  }

  /** The service in this process. */
  async own(t: TestContext, more: Partial<WebhookServiceOptions> = {}): Promise<{ readonly events: readonly WebhookEvent[]; readonly stop: () => Promise<void>; readonly service: WebhookService }> {
    const events: WebhookEvent[] = [];
    const { kafka, registry } = this.installation;
    const service = await WebhookService.start({
      kafka, registry, allowPrivate: true, timeoutMs: 30_000, retry: { attempts: 3, firstWaitMs: 5, greatestWaitMs: 20 },
      onEvent: (event) => events.push(event), onTrouble: (text) => said.push(text), ...more,
    });
    const running = service.run();
    const stop = async (): Promise<void> => {
      service.stop();
      await running;
    };
    t.after(stop);
    return { events, stop, service };
  }

  async writer(t: TestContext): Promise<(signals: readonly Signal[]) => Promise<void>> {
    const { kafka, registry } = this.installation;
    const writer = await KafkaInputWriter.connect(kafka, registry, ['signals']);
    t.after(async () => await writer.close());
    return async (signals) => {
      await Promise.all(signals.map(async (signal) => (
        await writer.note({ topic: 'signals', key: signal.address, timestamp: signal.lastFillAt, body: encodeSignal(signal) })
      )));
    };
  }
}

/** Of `addresses` addresses in turn, each of an order of its own. */
function signalsOf(count: number, addresses = 10): Signal[] {
  return Array.from({ length: count }, (_, place) => testSignal({ address: `0x${String(place % addresses).padStart(40, '0')}` }));
}

function keyOf({ id, revision }: { readonly id: string; readonly revision: number }): string {
  return `${id} ${String(revision)}`;
}

function assertSigned({ timestamp, body, signature }: Received, secret: string): void {
  assert.equal(signature, `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`);
}

function isWhole({ keys }: Receiver, signals: readonly Signal[]): boolean {
  const got = new Set(keys);
  return signals.every((signal) => got.has(keyOf(signal)));
}

describe('webhooks', { concurrency: 2 }, () => {
  test('what a webhook asks for arrives as it is, signed, in the order of each address, whatever failed before', async (t) => {
    const site = await Site.start(t, 'signed');
    const write = await site.writer(t);
    await write(signalsOf(20)); // Before it was made: none of its business.
    const tries = new Map<string, number>();
    const taken: Received[] = [];
    const receiver = await Receiver.start(t, (post) => {
      const before = tries.get(keyOf(post)) ?? 0;
      tries.set(keyOf(post), before + 1);
      const place = Number(post.id.split('/')[1]) % 5;
      if (before === 0 && place === 0) return 500;
      if (before === 0 && place === 1) return { status: 429, headers: { 'retry-after': '1' } };
      if (before === 0 && place === 2 && taken.length < 10) return 'silent';
      taken.push(post);
      return 204;
    });
    const { id, secret } = await site.webhook(receiver.url, '--direction', 'close', '--min-notional', '1000');
    const running = site.service('--http', '127.0.0.1:0');
    const url = await running.heard(/"url":"([^"]+)"/);
    const all = signalsOf(80).flatMap((signal, place): Signal[] => [
      { ...signal, direction: place % 2 === 0 ? 'open' : 'close', notional: place % 3 === 0 ? '999.99' : '1000' },
      ...(place % 4 === 1 ? [{ ...signal, direction: 'close' as const, revision: 2 }] : []),
    ]);
    const wanted = all.filter(({ direction, notional }) => direction === 'close' && Number(notional) >= 1_000);
    await write(all);
    await until('all are taken', () => taken.length >= wanted.length, PATIENCE);
    await sleep(300); // Nothing more comes.
    const bodies = new Map(wanted.map((signal) => [keyOf(signal), signal]));
    assert.deepEqual(taken.map(keyOf).sort(), [...bodies.keys()].sort());
    for (const post of receiver.received) {
      assertSigned(post, secret);
      assert.deepEqual(JSON.parse(post.body), bodies.get(keyOf(post)));
      assert.deepEqual([post.webhook, post.method, post.contentType], [id, 'POST', 'application/json']);
    }
    for (const [address, group] of Map.groupBy(taken, ({ id: signal }) => signal.split('/')[0])) {
      assert.deepEqual(group.map(keyOf), wanted.filter((signal) => signal.address === address).map(keyOf));
    }
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, new RegExp(`fillstream_webhook_deliveries_total ${String(taken.length)}\n`));
    assert.match(metrics, /fillstream_webhook_posts_total\{result="timeout"\} [1-9]/);
    said.push(metrics);
    running.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /"msg":"drained"/);
  });

  test('a webhook is listed without its secret, and removed; bad ones are refused', async (t) => {
    const site = await Site.start(t, 'listed');
    const { id, secret } = await site.webhook('https://example.org/x', '--coin', 'BTC', '--coin', 'HYPE', '--first-only', '--label', 'mine');
    const [listed] = (await site.done('webhook', 'list')).split('\n').map((line) => JSON.parse(line));
    assert.deepEqual({ ...listed, createdAt: 0 }, { id, url: 'https://example.org/x', filter: { coins: ['BTC', 'HYPE'], revisions: 'first' }, createdAt: 0, label: 'mine' });
    assert.ok(!JSON.stringify(listed).includes(secret));
    await site.done('webhook', 'remove', id);
    assert.equal(await site.done('webhook', 'list'), '');
    assertRefused(await site.command('webhook', 'remove', id), 2, /there is no webhook "wh_/);
    for (const [args, message] of [
      [['https://me:k4n4r1@example.org'], /expected a URL without a login/], [['https://example.org', '--direction', 'up'], /filter\.directions/],
    ] as const) assertRefused(await site.command('webhook', 'add', ...args), 2, message);
    assert.ok(!said.join('').includes('k4n4r1'));
  });

  test('what isn\'t taken is a dead letter, until it is sent again and taken', async (t) => {
    const site = await Site.start(t, 'dead');
    const write = await site.writer(t);
    let isDown = true;
    const receiver = await Receiver.start(t, ({ id }) => (isDown && /^0x0+1\//.test(id) ? 503 : 200));
    const { id, secret } = await site.hook(receiver.url);
    const running = site.service('--attempts', '2', '--broken-after', '100');
    await running.heard(/partitions assigned/);
    const signals = signalsOf(12, 3);
    await write(signals);
    const dead = signals.filter(({ address }) => address.endsWith('1'));
    const letters = async (...args: readonly string[]): Promise<Record<string, unknown>[]> => (await site.done('webhook', 'dead', ...args)).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
    await until('they are dead', async () => (await letters()).length === dead.length, PATIENCE);
    assert.ok(isWhole(receiver, signals));
    for (const [place, { at: _, ...letter }] of (await letters(id)).entries()) {
      assert.deepEqual(letter, { webhook: id, signal: dead[place]?.id, revision: 1, attempts: 2, reason: 'status 503', body: dead[place] });
    }
    const again = ['webhook', 'resend', id, '--allow-private'];
    assertRefused(await site.command(...again), 2, /expected --all, or --signal ID/);
    assertRefused(await site.command(...again, '--all'), 1, /wasn't taken \(status 503\); 0 were, 4 are dead letters still/);
    assertRefused(await site.command('webhook', 'resend', id, '--all'), 1, /its address isn't public/);
    isDown = false;
    const before = receiver.received.length;
    await site.done(...again, '--signal', dead[2]?.id ?? '');
    assert.deepEqual((await letters(id)).map(({ signal }) => signal), [0, 1, 3].map((place) => dead[place]?.id));
    await site.done(...again, '--all');
    assert.deepEqual(await letters(), []);
    const sent = receiver.received.slice(before);
    assert.deepEqual(sent.map(keyOf), [2, 0, 1, 3].map((place) => keyOf(dead[place] ?? { id: '', revision: 0 })));
    for (const post of sent) {
      assertSigned(post, secret);
      assert.deepEqual(JSON.parse(post.body), dead.find((signal) => signal.id === post.id));
    }
  });

  test('two processes share the work, and when one is killed nothing is lost', async (t) => {
    const site = await Site.start(t, 'shared');
    const write = await site.writer(t);
    const receiver = await Receiver.start(t, async () => {
      await sleep(5);
      return 200;
    });
    await site.hook(receiver.url);
    const [first, second] = [site.service(), site.service()];
    await Promise.all([first.heard(/"partitions":\[\d(?:,\d)?\],"msg":"partitions assigned"/), second.heard(/"partitions":\[\d(?:,\d)?\],"msg":"partitions assigned"/)]);
    const signals: Signal[] = [];
    for (let round = 0; round < 30; round += 1) {
      const batch = signalsOf(40, 20);
      signals.push(...batch);
      await write(batch);
      if (round === 12) first.kill('SIGKILL');
      await sleep(30);
    }
    await until('all arrived', () => isWhole(receiver, signals), PATIENCE);
    assert.deepEqual(new Set(receiver.keys).size, signals.length);
    assert.equal(await site.done('webhook', 'dead'), '');
    second.kill('SIGTERM');
    assert.equal((await second.ended).code, 0);
  });

  test('a webhook that doesn\'t answer holds up no other, and gets what it missed from the log', async (t) => {
    const site = await Site.start(t, 'slow');
    const write = await site.writer(t);
    const held = Promise.withResolvers<number>();
    const [quick, slow] = [await Receiver.start(t), await Receiver.start(t, async () => await held.promise)];
    await site.hook(quick.url);
    await site.hook(slow.url);
    const { stop, service } = await site.own(t, { queued: 50, kept: 60, timeoutMs: 120_000 });
    const signals = signalsOf(1_500, 30);
    for (let at = 0; at < signals.length; at += 100) await write(signals.slice(at, at + 100));
    await until('the quick one has all', () => isWhole(quick, signals), PATIENCE);
    assert.ok(slow.received.length <= 8, String(slow.received.length));
    assert.ok([...service.standing.behind.values()].some((offsets) => offsets > 100));
    held.resolve(200);
    await until('the slow one has all', () => isWhole(slow, signals), PATIENCE);
    assert.deepEqual([slow.received.length, quick.received.length], [1_500, 1_500], 'each once');
    assert.ok(slow.greatestOpen <= 8);
    for (const [address, group] of Map.groupBy(slow.received, ({ id }) => id.split('/')[0])) {
      assert.deepEqual(group.map(keyOf), signals.filter((signal) => signal.address === address).map(keyOf));
    }
    await stop();
  });

  test('who has taken everything gets nothing twice when another one is behind and the process changes', async (t) => {
    const site = await Site.start(t, 'restart');
    const write = await site.writer(t);
    let isHeld = true;
    const [quick, slow] = [await Receiver.start(t), await Receiver.start(t, () => (isHeld ? 'silent' : 200))];
    await site.hook(quick.url);
    await site.hook(slow.url);
    const first = await site.own(t);
    const signals = signalsOf(60);
    await write(signals);
    await until('the quick one has all', () => isWhole(quick, signals) && slow.received.length > 0, PATIENCE);
    await sleep(1_500); // A commit.
    await first.stop();
    isHeld = false;
    await site.own(t);
    const more = signalsOf(20);
    await write(more);
    await until('both have all', () => isWhole(quick, [...signals, ...more]) && isWhole(slow, [...signals, ...more]), PATIENCE);
    assert.equal(quick.received.length, 80);
  });

  test('a webhook that takes nothing is told to be broken, its signals are kept, and the others go on', async (t) => {
    const site = await Site.start(t, 'broken');
    const write = await site.writer(t);
    let isDown = true;
    const [well, ill] = [await Receiver.start(t), await Receiver.start(t, () => (isDown ? 500 : 200))];
    await site.hook(well.url);
    const { id } = await site.hook(ill.url);
    const { events } = await site.own(t, { brokenAfter: 3, retry: { attempts: 2, firstWaitMs: 2, greatestWaitMs: 2 } });
    const signals = signalsOf(200);
    await write(signals);
    await until('all are kept', () => events.filter(({ kind }) => kind === 'dead').length === 200, PATIENCE);
    await until('the other has all', () => isWhole(well, signals), PATIENCE);
    assert.ok(ill.received.length < 100, `${String(ill.received.length)} posts to a webhook that is broken`);
    assert.deepEqual(events.filter(({ kind }) => kind === 'broken'), [{ kind: 'broken', webhook: id, reason: 'status 500' }]);
    isDown = false;
    const more = signalsOf(20);
    await write(more);
    await until('it is mended', () => isWhole(ill, more), PATIENCE);
    assert.ok(events.some(({ kind }) => kind === 'mended'));
  });

  test('nothing is posted to an address that isn\'t public, unless it is allowed', async (t) => {
    const site = await Site.start(t, 'private');
    const write = await site.writer(t);
    const receiver = await Receiver.start(t);
    await site.hook(receiver.url);
    await site.hook(receiver.url.replace('127.0.0.1', 'localhost'));
    const { events } = await site.own(t, { allowPrivate: false });
    await write(signalsOf(3));
    await until('they are kept', () => events.filter(({ kind }) => kind === 'dead').length === 6, PATIENCE);
    assert.ok(events.every((event) => event.kind !== 'dead' || (event.why === 'refused' || event.why === 'broken') && /public/.test(event.reason)));
    assert.deepEqual(receiver.received, []);
  });

  test('the signals of a processor arrive, each revision once', async (t) => {
    const site = await Site.start(t, 'processor');
    const receiver = await Receiver.start(t);
    await site.hook(receiver.url);
    await site.own(t);
    const journal = join(folderFor(t), 'journal.ndjson');
    writeLines(journal, marketLines({ seed: SEED, records: 1_000 }));
    await site.installation.import([journal]);
    const processor = site.installation.processor();
    await site.installation.drained(processor);
    const signals = (await site.installation.signals()).map((line): Signal => JSON.parse(line));
    assert.ok(signals.length > 50);
    await until('all arrived', () => isWhole(receiver, signals), PATIENCE);
    assert.equal(receiver.received.length, signals.length);
    processor.kill('SIGTERM');
    await processor.ended;
  });
});

test('a token made and revoked on Kafka is seen to be so by who follows, and what is listed is no token', async (t) => {
  const site = await Site.start(t, 'tokens');
  const { kafka, registry } = site.installation;
  const tokens = await KafkaTokens.follow(kafka, registry);
  t.after(async () => await tokens.close());
  const ended: string[] = [];
  tokens.onEnd((id) => ended.push(id));
  const address = `0x${'aB'.repeat(20)}`;
  const made = await site.command('token', 'create', '--name', 'a trader', '--actions', 'signals,orders', '--address', address, '--expires', '30d');
  const text = made.stdout.trimEnd();
  assert.match(text, /^fst_[A-Za-z0-9_-]{43}$/, made.stderr);
  secrets.push(text);
  await until('it is good', () => tokens.grantOf(text) !== null, PATIENCE);
  const { tokenId, expiresAt, ...grant } = tokens.grantOf(text) ?? assert.fail();
  assert.deepEqual(grant, { name: 'a trader', actions: ['signals', 'orders'], addresses: [address.toLowerCase()] });
  assert.ok(expiresAt !== null && expiresAt > Date.now() + 29 * 86_400_000);
  const later = await KafkaTokens.follow(kafka, registry);
  assert.equal(later.grantOf(text)?.tokenId, tokenId);
  await later.close();
  const [listed] = (await site.done('token', 'list')).split('\n').map((line) => JSON.parse(line));
  assert.deepEqual([listed.id, listed.state, 'hash' in listed], [tokenId, 'good', false]);
  await site.done('token', 'revoke', tokenId);
  await until('it is revoked', () => ended.length > 0, PATIENCE);
  assert.deepEqual([ended, tokens.grantOf(text)], [[tokenId], null]);
  assertRefused(await site.command('token', 'revoke', 'tok_none'), 2, /there is no token "tok_none"/);
  assertRefused(await site.command('token', 'create', '--name', 'x', '--actions', 'admin'), 2, /--actions: expected some of signals, orders, status/);
});

test('a token that a later version wrote is read, and one whose last record can\'t be read is good no longer', async (t) => {
  const site = await Site.start(t, 'versions');
  const { kafka, registry } = site.installation;
  const topic = nameIn(kafka.namespace, 'tokens');
  const schema = JSON.parse(schemaTextOf('tokens'));
  schema.fields.push({ name: 'note', type: ['null', 'string'], default: null });
  const registered = await fetch(`${registry.url}/subjects/${topic}-value/versions`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  const { id: schemaId } = await registered.json() as { readonly id: number };
  const header = Buffer.alloc(5);
  header.writeUInt32BE(schemaId, 1);
  const { text, record } = newToken({ name: 'x', actions: ['status'], addresses: null, expiresAt: null }, Date.now());
  const producer = connectionOf(kafka).producer();
  await producer.connect();
  t.after(async () => await producer.disconnect());
  await producer.send({ topic, messages: [{ key: record.id, value: Buffer.concat([header, encodeToken(record), Buffer.from([2, 2, 0x78])]) }] });
  const troubles: string[] = [];
  const tokens = await KafkaTokens.follow(kafka, registry, { onTrouble: (line) => troubles.push(line) });
  t.after(async () => await tokens.close());
  assert.deepEqual(tokens.grantOf(text)?.actions, ['status']);
  const ended: string[] = [];
  tokens.onEnd((id) => ended.push(id));
  await producer.send({ topic, messages: [{ key: record.id, value: Buffer.from('revoked, perhaps') }] });
  await until('it is told', () => ended.length > 0, PATIENCE);
  assert.deepEqual([ended, tokens.grantOf(text), troubles], [[record.id], null, [`tokens: ${record.id} can't be read, and is good no longer`]]);
});

test('an embedded gateway\'s tokens lie in its folder', async (t) => {
  const folder = folderFor(t);
  const made = await fillstream(['token', 'create', '--name', 'x', '--data', folder]);
  assert.match(made.stdout, /^fst_[A-Za-z0-9_-]{43}\n$/, made.stderr);
  secrets.push(made.stdout.trimEnd());
  const list = async (): Promise<{ readonly id: string; readonly state: string }> => JSON.parse((await fillstream(['token', 'list', '--data', folder])).stdout);
  const { id, state } = await list();
  assert.equal(state, 'good');
  assert.equal((await fillstream(['token', 'revoke', id, '--data', folder])).code, 0);
  assert.equal((await list()).state, 'revoked');
  assertRefused(await fillstream(['token', 'create', '--name', 'x', '--data', join(folder, 'none')]), 1, /ENOENT/);
});

test('an installation of an earlier version works on without the topics, and gets them by `topics create`', async (t) => {
  const site = await Site.start(t, 'earlier');
  const { kafka, registry } = site.installation;
  const names = SUBSCRIBER_TOPICS.map((topic) => nameIn(kafka.namespace, topic));
  await withAdmin(connectionOf(kafka), async (admin) => await admin.deleteTopics({ topics: [...names] }));
  for (const name of names) await fetch(`${registry.url}/subjects/${name}-value`, { method: 'DELETE' });
  const journal = join(folderFor(t), 'journal.ndjson');
  writeLines(journal, marketLines({ seed: SEED, records: 300 }));
  await site.installation.import([journal]);
  const processor = site.installation.processor();
  await site.installation.drained(processor);
  assert.ok((await site.installation.signals()).length > 0);
  const doctor = await site.command('doctor', '--json', '--no-timestamp-limit', '--redis', `127.0.0.1:${String(held().redis.port)}`);
  const findings = doctor.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const missing = findings.filter(({ verdict, found }) => verdict === 'warning' && /there is no such (?:topic|subject)/.test(found)).map(({ check }) => check);
  assert.deepEqual(missing, [...names.map((name) => `topic ${name}`), ...names.map((name) => `schema ${name}-value`)]);
  processor.kill('SIGTERM');
  assert.equal((await processor.ended).code, 0);
  assertRefused(await site.command('token', 'list'), 1, /run `fillstream topics create`/);
  assertRefused(await site.command('webhook', 'add', 'https://example.org'), 1, /run `fillstream topics create`/);
  const planned = await site.command('repartition', '--partitions', '2', '--to', 'earlier-wide');
  assert.equal(planned.code, 0, planned.stderr);
  const created = await site.done('topics', 'create', '--partitions', String(PARTITIONS), '--no-timestamp-limit');
  assert.deepEqual(created.split('\n').filter((line) => line.startsWith('made')).map((line) => line.split(/\s+/)[1]), names);
  assert.equal(await site.done('token', 'list'), '');
});
