// The documents are valid, and what the gateway really says is what they say.

import asyncSpecs from '@asyncapi/specs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemorySource, testAddress, testSignal } from '../feed/test-source.ts';
import { EventStream, startWorld, until, type Json } from './test-gateway.ts';

const ONE = testAddress(1);

function filled(): MemorySource {
  const source = new MemorySource(3);
  source.append([
    testSignal({ address: ONE, oid: 1 }), testSignal({ address: ONE, oid: 2, twapId: 3, cloid: '0x1', orderStatus: null, positionRate: null, trigger: 'quiet', complete: false }), testSignal({ address: testAddress(3) }),
  ]);
  return source;
}

/** Nothing may be said that isn't in the document. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  return { ...Object.fromEntries(entries), ...('properties' in schema && !('additionalProperties' in schema) ? { additionalProperties: false } : {}) };
}

function validatorOf(document: Json): (schema: unknown) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema({ $id: 'document', components: closed(document.components) });
  return (schema) => ajv.compile(JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/components', '"document#/components')));
}

function isValid(validate: ValidateFunction, value: unknown, what: string): void {
  assert.ok(validate(value), `${what}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value).slice(0, 600)}`);
}

test('the OpenAPI document is valid, has every route, and each real answer is as it says', async () => {
  await using world = await startWorld({ source: filled() });
  await until(() => world.gateway.readiness().ok, 'ready');
  const { body: document } = await world.get('/openapi.json');
  const verdict = await new Validator().validate(structuredClone(document));
  assert.deepEqual([verdict.valid, verdict.errors], [true, undefined]);
  const compile = validatorOf(document);
  const real: Record<string, readonly string[]> = {
    '/v1/signals': ['/v1/signals', '/v1/signals?order=desc&limit=1', `/v1/signals?addresses=${testAddress(77)}`],
    '/v1/signals/{address}/{oid}/{leg}': [`/v1/signals/${ONE}/1/open-long`, `/v1/signals/${ONE}/2/open-long?revisions=all`],
    '/v1/orders/{address}/{oid}': [`/v1/orders/${ONE}/1`],
    '/v1/orders/{address}/{oid}/life': [`/v1/orders/${ONE}/1/life`],
    '/v1/addresses': ['/v1/addresses', '/v1/addresses?limit=1'],
    '/v1/addresses/{address}/positions': [`/v1/addresses/${ONE}/positions`],
    '/v1/addresses/{address}/pnl': [`/v1/addresses/${ONE}/pnl`],
    '/v1/status': ['/v1/status'],
    '/v1/quarantine': ['/v1/quarantine'],
    '/openapi.json': ['/openapi.json'], '/asyncapi.json': ['/asyncapi.json'], '/healthz': ['/healthz'], '/readyz': ['/readyz'],
    '/metrics': ['/metrics'], '/v1/stream': [],
  };
  assert.deepEqual(Object.keys(document.paths).sort(), Object.keys(real).sort());
  for (const [path, requests] of Object.entries(real)) {
    const { get } = document.paths[path];
    for (const each of requests) {
      const { status, headers, body, text } = await world.get(each);
      assert.equal(status, 200, each);
      const [type, media] = Object.entries<Json>(get.responses['200'].content)[0]!;
      assert.ok(headers.get('content-type')?.startsWith(type), `${each}: ${String(headers.get('content-type'))}`);
      isValid(compile(media.schema), body ?? text, each);
    }
    const { status, body } = await world.get(`${requests[0] ?? path}${requests[0]?.includes('?') === true ? '&' : '?'}unknown=1`);
    assert.equal(status, 400);
    isValid(compile(get.responses['4XX'].content['application/json'].schema), body, path);
    const isOpen = ['/openapi.json', '/asyncapi.json', '/healthz', '/readyz'].includes(path);
    assert.deepEqual(get.security, isOpen ? undefined : [{ token: [] }], path);
  }
});

test('parameters of the OpenAPI document are those that the gateway takes, lists separated by commas', async () => {
  await using world = await startWorld({ source: filled() });
  const { parameters } = (await world.get('/openapi.json')).body.paths['/v1/signals'].get;
  const lists = parameters.filter(({ schema }: Json) => schema.type === 'array');
  assert.deepEqual(lists.map(({ name, style, explode }: Json) => [name, style, explode]), ['addresses', 'coins', 'directions', 'sides', 'assetTypes', 'causes', 'triggers'].map((name) => [name, 'form', false]));
  assert.deepEqual(parameters.map(({ name }: Json) => name).sort(), [
    'addresses', 'after', 'assetTypes', 'before', 'causes', 'coins', 'directions', 'limit', 'minNotional', 'order', 'revisions', 'sides', 'since', 'triggers',
  ]);
  assert.ok(parameters.every((parameter: Json) => parameter.in === 'query' && parameter.required !== true));
});

test('the AsyncAPI document is valid, and each real message is as it says', async () => {
  const source = filled();
  await using world = await startWorld({ source });
  const { body: document } = await world.get('/asyncapi.json');
  const meta = new Ajv({ strict: false, validateFormats: false, logger: false }).compile((asyncSpecs as Json).schemasWithoutId['3.0.0']) as (value: Json) => boolean;
  assert.ok(meta(document));
  assert.equal(meta({ ...document, info: {} }), false);
  const compile = validatorOf(document);
  const messageOf = (name: string): ValidateFunction => compile(document.components.messages[name].payload);
  const client = await world.connect();
  const sent = [
    { type: 'ping' }, { type: 'subscribe', id: 'all', from: 'earliest' }, { type: 'subscribe', id: 'some', filter: { addresses: [ONE], minNotional: '1', revisions: 'first' }, from: { since: 0 } },
    { type: 'subscribe', id: 'bad', from: { cursor: 'x' } }, { type: 'subscribe', id: 'bad', filter: { size: 3 } }, { type: 'subscribe', id: 'none', filter: { addresses: [testAddress(3_000)] } }, { type: 'unsubscribe', id: 'some' },
  ];
  for (const message of sent) client.send(message);
  await client.next(({ type }) => type === 'unsubscribed');
  await client.live('all');
  source.append(Array.from({ length: 100 }, () => testSignal()));
  await until(() => client.signals.filter(({ id }) => id === 'all').length === 103, 'all signals');
  await client.next(({ type }) => type === 'progress');
  assert.deepEqual([...new Set(client.messages.map(({ type }) => type))].filter((type) => type !== 'behind').sort(), ['error', 'live', 'pong', 'progress', 'signal', 'subscribed', 'unsubscribed']);
  const validators = new Map(Object.keys(document.components.messages).map((name) => [name, messageOf(name)]));
  for (const message of client.messages) isValid(validators.get(message.type)!, message, message.type);
  for (const [place, message] of sent.entries()) assert.equal(validators.get(message.type)!(message), place !== 4, JSON.stringify(message));
  isValid(validators.get('behind')!, { type: 'behind', id: 'all', cursor: client.signals[0]!.cursor }, 'behind');
  await client.close();
});

test('the events of a stream have the forms that the documents name', async () => {
  await using world = await startWorld({ source: filled() });
  const { body: document } = await world.get('/openapi.json');
  const compile = validatorOf(document);
  const stream = await EventStream.open(`${world.url}/v1/stream?from=earliest&addresses=${ONE}`);
  await until(() => stream.events.some(({ event }) => event === 'live'), 'live');
  const signal = compile({ $ref: '#/components/schemas/Signal' });
  assert.equal(stream.signals.length, 2);
  for (const { data, id } of stream.signals) {
    isValid(signal, data, 'signal');
    assert.equal(typeof id, 'string');
  }
  assert.deepEqual(stream.events.filter(({ event }) => event !== 'signal').map(({ event, data, id }) => [event, data.cursor === id]), [['progress', true], ['live', true]]);
  await world.gateway.stop();
  await until(() => stream.isOver, 'the end');
  const last = stream.events.at(-1)!;
  assert.deepEqual([last.event, last.id], ['error', null]);
  isValid(compile({ $ref: '#/components/schemas/ErrorBody' }), { error: last.data }, 'error');
});
