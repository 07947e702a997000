// What the client of subscribers reads: a gateway's messages and refusals, webhooks, decimals.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { GatewayError, WebhookError, decimal, verifyWebhook } from '@fillstream/client';
import { compare, add, format, multiply, readDecimal, subtract } from '@fillstream/core';
import { errorOfAnswer, errorOfClose } from '../../../packages/client/src/errors.ts';
import { readMessage } from '../../../packages/client/src/messages.ts';
import { damagedText, twistedJson } from '../damage.ts';
import { signal } from '../records.ts';
import { bytesTarget, fieldsOf, itemsOf, jsonOf, jsonTarget, onlyLater, textTarget } from '../target.ts';

const message = fc.oneof(
  fc.record({ type: fc.constantFrom('subscribed', 'live', 'progress', 'behind'), id: fc.constant('1'), cursor: fc.constant('1.AAAA') }),
  fc.record({ type: fc.constant('signal'), id: fc.constant('1'), cursor: fc.constant('1.AAAA'), signal }),
  fc.record({ type: fc.constant('error'), id: fc.constant('1'), code: fc.constantFrom('too-many', 'internal', 'later-one'), message: fc.string(), retryAfterMs: fc.nat() }, { requiredKeys: ['type', 'code', 'message'] }),
  fc.constantFrom<unknown>({ type: 'pong' }, { type: 'unsubscribed', id: '1' }, { type: 'of a later version', more: true }),
);

const messages = textTarget({
  name: 'message', law: 'whatever a gateway sends is a message, unknown or unreadable', share: 2_000,
  cases: twistedJson(message),
  check: (text) => {
    const read = readMessage(text);
    if (typeof read !== 'string' && read.type === 'signal') assert.equal(typeof read.signal.revision, 'number');
  },
});

const refusals = jsonTarget({
  name: 'refusal', law: 'every answer that is none is an error with a code of the protocol',
  cases: fc.record({ status: fc.integer({ min: 100, max: 599 }), body: twistedJson(fc.record({ error: fc.record({ code: fc.constant('too-many'), message: fc.string(), retryAfterMs: fc.nat() }) })) }),
  check: (value) => {
    const { status, body } = fieldsOf(value);
    const error = errorOfAnswer(Number(status), String(body));
    assert.ok(error instanceof GatewayError && /^[a-z-]+$/.test(error.code));
    assert.ok(errorOfClose(Number(status) + 3_900, String(body)) instanceof GatewayError || errorOfClose(Number(status) + 3_900, String(body)) === null);
  },
});

const SECRET = 'whsec_x';
const SENT_AT = 1_760_000_000_000;

/** Headers and body of a delivery; its first byte says whether it is signed as it is. */
const webhooks = bytesTarget({
  name: 'webhook', law: 'a delivery is genuine to the byte, or refused by name', share: 500,
  cases: fc.tuple(fc.boolean(), damagedText(signal.map((each) => JSON.stringify(each))), fc.constantFrom('', ' ', ',', ',v1=zz', 'x')).map(([isSigned, body, more]) => Buffer.from(JSON.stringify([isSigned, body, more]))),
  check: async (bytes) => {
    const [isSigned, body, more] = itemsOf(jsonOf(Buffer.from(bytes).toString('utf8')));
    const hex = createHmac('sha256', SECRET).update(`${String(SENT_AT)}.${isSigned === true ? String(body) : 'other'}`).digest('hex');
    const headers = { 'fillstream-timestamp': String(SENT_AT), 'fillstream-signature': `v1=${hex}${String(more)}` };
    const verified = await onlyLater([WebhookError], async () => await verifyWebhook({ secret: SECRET, headers, body: String(body), now: SENT_AT }));
    assert.ok(isSigned === true || verified === undefined);
    if (verified !== undefined) assert.deepEqual(verified, jsonOf(String(body)));
  },
});

const amount = fc.tuple(fc.constantFrom('', '-'), fc.stringMatching(/^[0-9]{1,40}$/), fc.oneof(fc.constant(''), fc.stringMatching(/^\.[0-9]{1,30}$/))).map((parts) => parts.join(''));

const decimals = jsonTarget({
  name: 'decimal', law: 'client and core read the same texts as decimals, and reckon the same', share: 2_000,
  cases: fc.tuple(fc.oneof(amount, damagedText(amount)), fc.oneof(amount, damagedText(amount))),
  check: (value) => {
    const [a = '', b = ''] = Array.isArray(value) ? value.map(String) : [];
    const [left, right] = [readDecimal(a), readDecimal(b)];
    if (left === null || right === null) {
      assert.throws(() => decimal.add(a, b), RangeError);
      return;
    }
    assert.equal(decimal.add(a, b), format(add(left, right)));
    assert.equal(decimal.subtract(a, b), format(subtract(left, right)));
    assert.equal(decimal.multiply(a, b), format(multiply(left, right)));
    assert.equal(decimal.compare(a, b), compare(left, right));
  },
});

export const CLIENT_TARGETS = [messages, refusals, webhooks, decimals];
