// The wire types as schemas: they judge what comes in, and the documents of the interface are made of them.
//
// H1  Each is assignable both ways to its type in @fillstream/client: neither changes without the other.
// H2  What comes in has no unknown fields. What goes out may get more of them: readers ignore what they don't know.

import type * as wire from '@fillstream/client';
import { z } from 'zod';
import { filterSchema } from '../feed/filter.ts';

/** What the documents say of schemas; those with an `id` have a name there. */
export const named = z.registry<{ readonly id?: string; readonly description?: string; readonly examples?: readonly string[] }>();

export const MOST_ID_CHARS = 64;
const MOST_CURSOR_CHARS = 32_768;
const LATEST_TIME = 1e13;

const decimal = z.string().register(named, { description: 'A decimal, exact: no exponent, no trailing zeros.', examples: ['1234.5'] });
const time = z.int().min(0).register(named, { description: 'Milliseconds since the epoch.' });
const count = z.int().min(0);
const address = z.string().regex(/^0x[0-9a-f]{40}$/).register(named, { description: 'Lower case.' });
const assetType = z.enum(['futures', 'spot', 'outcome']);
const trigger = z.enum(['complete', 'grace', 'quiet', 'timeout']);
export const leg = z.enum(['open-long', 'open-short', 'close-long', 'close-short', 'buy', 'sell']);
export const cursor = z.string().min(1).max(MOST_CURSOR_CHARS)
  .register(named, { description: 'Opaque: where to go on. Good at every gateway of the same log.' });
export const sinceTime = z.int().min(0).max(LATEST_TIME)
  .register(named, { description: 'Milliseconds since the epoch, compared with the time of the last fill.' });

export const signalSchema = z.object({
  id: z.string().register(named, { description: '`<address>/<oid>/<leg>`' }),
  revision: z.int().min(1).register(named, { description: 'A revision restates the totals: keep the highest of each id.' }),
  address,
  oid: count,
  coin: z.string().register(named, { description: 'The exchange\'s name.' }),
  symbol: z.string().register(named, { description: 'The name for people.' }),
  cloid: z.string().nullable(),
  assetType,
  direction: z.enum(['open', 'close']),
  side: z.enum(['LONG', 'SHORT']),
  size: decimal,
  notional: decimal,
  price: decimal,
  positionSize: z.enum(['small', 'medium', 'large']),
  positionBefore: decimal,
  positionAfter: decimal,
  closeRate: decimal,
  positionRate: decimal.nullable(),
  fees: z.record(z.string(), decimal).register(named, { description: 'Token → sum.' }),
  closedPnl: decimal,
  fillCount: count,
  firstFillAt: time,
  lastFillAt: time,
  orderStatus: z.string().nullable(),
  trigger,
  complete: z.boolean(),
  reversal: z.boolean(),
  cause: z.enum(['trade', 'liquidation', 'adl', 'settlement']),
  twapId: z.int().nullable(),
}).register(named, { id: 'Signal', description: 'One leg of one order.' });

export const errorCodeSchema = z.enum([
  'bad-request', 'bad-cursor', 'unauthorized', 'forbidden', 'not-found', 'too-many', 'too-large', 'not-ready', 'unavailable', 'internal',
]);
const told = { code: errorCodeSchema, message: z.string(), retryAfterMs: z.int().min(0).exactOptional() };
export const errorBodySchema = z.object({ error: z.object(told) })
  .register(named, { id: 'ErrorBody', description: 'Body of every refused request.' });

named.add(filterSchema, { id: 'Filter', description: 'What is left out matches everything; lists match any of theirs.' });

export const fromSchema = z.union([z.enum(['latest', 'earliest', 'snapshot']), z.strictObject({ cursor, latestOnly: z.boolean().exactOptional() }), z.strictObject({ since: sinceTime })])
  .register(named, {
    id: 'From',
    description: 'What comes from now on; all there is; the latest revision of each signal, then what comes; after a cursor, of an interrupted snapshot with `latestOnly`; from a time.',
  });

const id = z.string().min(1).max(MOST_ID_CHARS).register(named, { description: 'The client\'s name of the subscription.' });

export const clientMessages = {
  subscribe: z.strictObject({ type: z.literal('subscribe'), id, filter: filterSchema.exactOptional(), from: fromSchema.exactOptional() }),
  unsubscribe: z.strictObject({ type: z.literal('unsubscribe'), id }),
  ping: z.strictObject({ type: z.literal('ping') }),
};
export const clientMessageSchema = z.discriminatedUnion('type', [clientMessages.subscribe, clientMessages.unsubscribe, clientMessages.ping]);

export const serverMessages = {
  subscribed: z.object({ type: z.literal('subscribed'), id, cursor }),
  signal: z.object({ type: z.literal('signal'), id, cursor, signal: signalSchema }),
  live: z.object({ type: z.literal('live'), id, cursor }),
  progress: z.object({ type: z.literal('progress'), id, cursor }),
  behind: z.object({ type: z.literal('behind'), id, cursor }),
  unsubscribed: z.object({ type: z.literal('unsubscribed'), id }),
  error: z.object({ type: z.literal('error'), id: id.exactOptional(), ...told }),
  pong: z.object({ type: z.literal('pong') }),
};
export const serverMessageSchema = z.discriminatedUnion('type', [
  serverMessages.subscribed, serverMessages.signal, serverMessages.live, serverMessages.progress, serverMessages.behind,
  serverMessages.unsubscribed, serverMessages.error, serverMessages.pong,
]);

export const deliveredSchema = z.object({ cursor, signal: signalSchema }).register(named, { id: 'Delivered' });
export const signalPageSchema = z.object({ signals: z.array(deliveredSchema), next: cursor, more: z.boolean() })
  .register(named, {
    id: 'SignalPage',
    description: '`next` goes into `after` (ascending) or `before` (descending). A page may be short, even empty, while `more` is true.',
  });
export const signalRevisionsSchema = z.object({ signals: z.array(signalSchema) })
  .register(named, { id: 'SignalRevisions', description: 'The latest revision first.' });
export const orderSignalsSchema = z.object({ address, oid: count, legs: z.array(signalSchema) })
  .register(named, { id: 'OrderSignals', description: 'The latest revision of each leg.' });

const addressSummary = z.object({ address, signals: count, orders: count, lastFillAt: time });
export const addressPageSchema = z.object({ addresses: z.array(addressSummary), next: address.nullable() })
  .register(named, { id: 'AddressPage', description: 'In order of address. `next` goes into `after`; null at the end.' });

const position = z.object({ coin: z.string(), symbol: z.string(), assetType, size: decimal, at: time, id: z.string() });
export const positionsSchema = z.object({ address, positions: z.array(position) })
  .register(named, { id: 'Positions', description: 'The last known position per coin; negative sizes are short.' });

const pnlPoint = z.object({ at: time, closedPnl: decimal, fees: decimal, net: decimal });
export const pnlSchema = z.object({ address, points: z.array(pnlPoint), otherFees: z.record(z.string(), decimal), thinned: z.boolean() })
  .register(named, {
    id: 'Pnl',
    description: 'Sums so far: closedPnl, fees paid in USDC, and the difference. `thinned`: of very many points some were left out.',
  });

const unknownCount = count.nullable();
const ms = z.number().nullable();
const partitionReport = z.object({
  partition: count, health: z.enum(['ok', 'rebuilding', 'stalled', 'unowned', 'unknown']),
  lag: unknownCount, delayMs: ms, signals: count, pending: unknownCount,
});
const ratePoint = z.object({ at: time, signals: count, p50Ms: ms, p99Ms: ms, lag: unknownCount });
export const statusReportSchema = z.object({
  at: time,
  partitions: z.array(partitionReport),
  pending: unknownCount,
  quarantined: unknownCount,
  gateway: z.object({ connections: count, subscriptions: count, delivered: count, ready: z.boolean() }),
  history: z.array(ratePoint),
}).register(named, { id: 'StatusReport', description: 'Unknown figures are null. `history`: the last five minutes, a point each second.' });

const quarantinedRecord = z.object({
  topic: z.string(), partition: count, offset: count, reason: z.string(), detail: z.string(),
  address: z.string().nullable(), at: time.nullable(), preview: z.string(),
});
export const quarantinePageSchema = z.object({ records: z.array(quarantinedRecord) })
  .register(named, { id: 'QuarantinePage', description: 'The newest first.' });

const lifeDeadline = z.object({ at: time, what: z.string(), trigger: trigger.nullable() });
const happened = z.object({ at: time, why: z.string(), deadline: lifeDeadline.nullable() });
const lifeEvent = z.discriminatedUnion('kind', [
  happened.extend({
    kind: z.literal('fill'), place: z.string(), time: time.nullable(), side: z.string(), px: z.string(), sz: z.string(), dir: z.string(),
  }),
  happened.extend({ kind: z.literal('status'), place: z.string(), status: z.string(), sz: z.string(), origSz: z.string() }),
  happened.extend({ kind: z.literal('unreadable'), place: z.string() }),
  happened.extend({ kind: z.literal('timer'), what: z.string() }),
  happened.extend({ kind: z.literal('signal'), signal: signalSchema, place: z.string().nullable() }),
]);
export const orderLifeSchema = z.object({
  address, oid: count, about: z.string(), now: z.string(), streamTime: time.nullable(),
  events: z.array(lifeEvent), coming: z.array(lifeDeadline),
}).register(named, { id: 'OrderLife', description: 'What happened to an order, folded again out of the log.' });

/** Without `readonly`, and without what can't be in JSON. */
type Plain<T> = T extends readonly (infer E)[] ? Plain<E>[]
  : T extends object ? { -readonly [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T;
type Same<A, B> = [Plain<A>] extends [Plain<B>] ? ([Plain<B>] extends [Plain<A>] ? true : never) : never;
type Of<S extends z.ZodType> = z.output<S>;

/** H1. What isn't the same is no `true`, and doesn't compile. */
export const SAME: {
  readonly signal: Same<Of<typeof signalSchema>, wire.Signal>;
  readonly filter: Same<Of<typeof filterSchema>, wire.Filter>;
  readonly from: Same<Of<typeof fromSchema>, wire.From>;
  readonly client: Same<Of<typeof clientMessageSchema>, wire.ClientMessage>;
  readonly server: Same<Of<typeof serverMessageSchema>, wire.ServerMessage>;
  readonly error: Same<Of<typeof errorBodySchema>, wire.ErrorBody>;
  readonly page: Same<Of<typeof signalPageSchema>, wire.SignalPage>;
  readonly revisions: Same<Of<typeof signalRevisionsSchema>, wire.SignalRevisions>;
  readonly order: Same<Of<typeof orderSignalsSchema>, wire.OrderSignals>;
  readonly addresses: Same<Of<typeof addressPageSchema>, wire.AddressPage>;
  readonly positions: Same<Of<typeof positionsSchema>, wire.Positions>;
  readonly pnl: Same<Of<typeof pnlSchema>, wire.Pnl>;
  readonly status: Same<Of<typeof statusReportSchema>, wire.StatusReport>;
  readonly quarantine: Same<Of<typeof quarantinePageSchema>, wire.QuarantinePage>;
  readonly life: Same<Of<typeof orderLifeSchema>, wire.OrderLife>;
  readonly leg: Same<Of<typeof leg>, wire.Leg>;
} = {
  signal: true, filter: true, from: true, client: true, server: true, error: true, page: true, revisions: true, order: true, addresses: true,
  positions: true, pnl: true, status: true, quarantine: true, life: true, leg: true,
};
