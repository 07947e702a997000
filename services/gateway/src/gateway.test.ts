// The gateway as a whole: where it may listen, how it ends, and that its page of the documentation is true.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { CLOSE } from '@fillstream/client';
import { newRegistry } from '@fillstream/observe';
import { PortError } from '@fillstream/runtime';
import { MemorySource, testSignal } from './feed/test-source.ts';
import { Gateway } from './gateway.ts';
import { DEFAULT_LIMITS } from './http/limits.ts';
import { CODES, OF_PROTOCOL } from './http/ws-stream.ts';
import { portsOf, startWorld, until } from './http/test-gateway.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/gateway.md'), 'utf8');

test('Y1 without tokens it listens on a loopback address alone, unless its user says that it may be open', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'signals.example']) {
    await assert.rejects(startWorld({ listen: { host, port: 0 } }), (error: Error & { code?: string }) => error.name === 'GatewayRefused' && error.code === 'not-loopback', host);
  }
  for (const host of ['127.0.0.1', 'localhost', '::1']) await (await startWorld({ listen: { host, port: 0 } }))[Symbol.asyncDispose]();
  await (await startWorld({ listen: { host: '0.0.0.0', port: 0 }, open: true }))[Symbol.asyncDispose]();
  await (await startWorld({ listen: { host: '0.0.0.0', port: 0 }, guarded: true }))[Symbol.asyncDispose]();
});

test('a trusted proxy that is no address and no network is refused at the start, in one line', async () => {
  for (const proxy of ['proxy.example', '', '10.0.0.0/33', '10.0.0.0/0', '::/129', '10.0.0', '10.0.0.1:80', '1\n2', '10.0.0.0/8/8', 'loopback']) {
    await assert.rejects(startWorld({ trustedProxies: ['10.0.0.1', proxy] }), (error: Error & { code?: string }) => error.name === 'GatewayRefused' && error.code === 'bad-proxy' && !error.message.includes('\n'), proxy);
  }
  await (await startWorld({ trustedProxies: ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '::ffff:10.0.0.1'] }))[Symbol.asyncDispose]();
});

test('an address in use is told as the system does', async () => {
  await using world = await startWorld();
  await assert.rejects(startWorld({ listen: { host: '127.0.0.1', port: Number(new URL(world.url).port) } }), /EADDRINUSE/);
});

test('with a certificate it speaks TLS 1.2 and better, WebSockets too; one that is none is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-gateway-'));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', keyFile, '-out', certFile];
  await promisify(execFile)('openssl', args);
  const tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
  rmSync(folder, { recursive: true });
  await using world = await startWorld({ tls });
  assert.match(world.url, /^https:/);
  const ask = async (maxVersion: 'TLSv1.1' | 'TLSv1.3'): Promise<{ status: number; security: string }> => await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(world.url);
    request({ hostname, port, path: '/healthz', rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion }, (response) => {
      text(response).then(() => resolve({ status: response.statusCode ?? 0, security: response.headers['strict-transport-security'] ?? '' }), reject);
    }).on('error', reject).end();
  });
  assert.deepEqual(await ask('TLSv1.3'), { status: 200, security: 'max-age=31536000' });
  await assert.rejects(ask('TLSv1.1'));
  const client = await world.connect();
  assert.equal((await client.subscribe('a')).type, 'subscribed');
  await client.close();
  await assert.rejects(startWorld({ tls: { cert: 'none', key: 'none' } }), (error: Error & { code?: string }) => error.name === 'GatewayRefused' && error.code === 'bad-tls');
});

test('a log that fails ends the gateway: streams are told, run rejects, and it isn\'t healthy', async () => {
  const source = new MemorySource(1);
  const { promise, reject } = Promise.withResolvers<never>();
  const failing = Object.assign(Object.create(source) as MemorySource, {
    partitions: 1, identity: 'failing', bounds: async () => await source.bounds(), recordsAt: source.recordsAt.bind(source),
    async *follow() {
      yield { records: [], next: [0] };
      await promise;
    },
  });
  const world = await startWorld({ ports: portsOf(failing) });
  const client = await world.connect();
  await client.subscribe('a');
  reject(new PortError('log-broken', 'the topic is gone', { retryable: false }));
  assert.equal(await client.end(), 1_001);
  await assert.rejects(world.gateway.run(), /the topic is gone/);
  assert.deepEqual([world.gateway.health().ok, world.gateway.readiness().ok], [false, false]);
  await world[Symbol.asyncDispose]();
});

test('one that was never run stops too, and stopping twice is stopping once', async () => {
  const source = new MemorySource(1);
  const gateway = await Gateway.start({
    ports: portsOf(source), feedFile: ':memory:', listen: { host: '127.0.0.1', port: 0 }, authority: null, open: false, allowedHosts: [], allowedOrigins: [], registry: newRegistry(),
    onAudit: () => undefined, onTrouble: () => undefined,
  });
  await Promise.all([gateway.stop(), gateway.stop()]);
  await gateway.run();
});

test('its metrics count what was done, and docs/gateway.md has each of them, as it is, and no other', async () => {
  await using world = await startWorld();
  world.source.append([testSignal(), testSignal()], { appendedAt: Date.now() });
  await until(() => world.gateway.readiness().ok, 'ready');
  const client = await world.connect();
  await client.subscribe('a', {}, 'earliest');
  await client.live('a');
  world.source.append([testSignal()], { appendedAt: Date.now() });
  await until(async () => (await world.get('/metrics')).text.includes('fillstream_gateway_topic_latency_seconds{quantile="0.99"}'), 'a latency');
  await world.get('/nope');
  await world.get('/v1/signals?limit=0');
  const { text: metrics } = await world.get('/metrics');
  for (const line of [
    'fillstream_gateway_connections{transport="ws"} 1', 'fillstream_gateway_connections{transport="sse"} 0', 'fillstream_gateway_subscriptions 1', 'fillstream_gateway_deliveries_total{transport="ws"} 3', 'fillstream_gateway_ready 1',
    'fillstream_gateway_refusals_total{reason="not-found"} 1', 'fillstream_gateway_refusals_total{reason="bad-request"} 1', 'fillstream_gateway_refusals_total{reason="origin"} 0', 'fillstream_gateway_disconnects_total{end="too-slow"} 0',
    'fillstream_gateway_request_duration_seconds_count{route="none"} 1', 'fillstream_gateway_request_duration_seconds_count{route="/v1/signals"} 1', 'fillstream_gateway_behind_total 0', 'fillstream_gateway_buffered_bytes 0',
  ]) assert.ok(metrics.split('\n').includes(line), `${line} in\n${metrics.split('\n').filter((each) => each.startsWith('fillstream_gateway')).join('\n')}`);
  const rows = (await world.registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith('fillstream_gateway_')).map(({ name, type, values }) => {
    const labels = new Set(values.flatMap((each) => Object.keys(each.labels)).filter((label) => label !== 'le'));
    return `${name} ${String(type)} ${Array.from(labels).join()}`;
  });
  const documented = Array.from(page.matchAll(/^\| `(fillstream_gateway_\w+)` \| (\w+) \|([^|]*)\|/gm), ([, name = '', type = '', labels = '']) => `${name} ${type} ${/`(\w+)`/.exec(labels)?.[1] ?? ''}`);
  assert.deepEqual(documented.sort(), rows.sort());
});

test('docs/gateway.md has every route, limit and close code', async () => {
  await using world = await startWorld();
  for (const path of [...Object.keys((await world.get('/openapi.json')).body.paths), '/v1/ws']) assert.ok(page.includes(`\`${path}`) || page.includes(`GET ${path}`), path);
  const limits = Array.from(page.split('\n## Limits')[1]?.split('\n## ')[0]?.matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm) ?? [], ([, name = '', value = '']) => [name, Number(value.replaceAll(',', ''))]);
  assert.deepEqual(Object.fromEntries(limits), DEFAULT_LIMITS);
  const codes = Array.from(page.matchAll(/^\| (\d{4}) \|/gm), ([, code]) => Number(code));
  assert.deepEqual(codes.sort(), [...new Set([...Object.values(CLOSE), ...Object.values(CODES), ...OF_PROTOCOL])].sort());
});
