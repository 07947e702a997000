// Orders and addresses, by request.

import type { AddressPage, OrderLife, OrderSignals, Pnl, Positions } from '@fillstream/client';
import { addressesOf, checkAddress } from './access.ts';
import type { App } from './app.ts';
import type { Edge } from './edge.ts';
import { Refusal } from './errors.ts';
import type { Guard } from './guard.ts';
import { addressesQuery, addressParams, noQuery, orderParams } from './query.ts';
import { addressPageSchema, orderLifeSchema, orderSignalsSchema, pnlSchema, positionsSchema } from './schemas.ts';

const PAGE = 100;
const RETRY_MS = 1_000;

export function addOrders(app: App, { feed, ports, limits }: Edge, guard: Guard): void {
  app.get('/v1/orders/:address/:oid', {
    config: { needs: 'signals' },
    schema: {
      operationId: 'order', tags: ['orders'], summary: 'The latest revision of each leg of an order.',
      params: orderParams, querystring: noQuery, response: { 200: orderSignalsSchema },
    },
  }, (request): OrderSignals => {
    const { address, oid } = request.params;
    checkAddress(guard.callerOf(request), address);
    const legs = feed.model.order(address, oid);
    if (legs.length === 0) throw new Refusal('not-found', 'no leg of such an order has a signal');
    return { address, oid, legs };
  });

  let lives = 0;
  app.get('/v1/orders/:address/:oid/life', {
    config: { needs: 'orders' },
    schema: {
      operationId: 'orderLife', tags: ['orders'], summary: 'What happened to an order, folded again out of the log. Costly: few at a time.',
      params: orderParams, querystring: noQuery, response: { 200: orderLifeSchema },
    },
  }, async (request): Promise<OrderLife> => {
    const { address, oid } = request.params;
    checkAddress(guard.callerOf(request), address);
    if (lives >= limits.livesAtOnce) throw new Refusal('too-many', 'too many lives of orders are being read', { retryAfterMs: RETRY_MS });
    lives += 1;
    try {
      const life = await ports.life(address, oid);
      if (life === null) throw new Refusal('not-found', 'there is no such order on the log');
      return life;
    } finally {
      lives -= 1;
    }
  });
}

export function addAddresses(app: App, { feed }: Edge, guard: Guard): void {
  app.get('/v1/addresses', {
    config: { needs: 'signals' },
    schema: {
      operationId: 'addresses', tags: ['addresses'], summary: 'Addresses that have signals, in order of address.',
      querystring: addressesQuery, response: { 200: addressPageSchema },
    },
  }, (request): AddressPage => {
    const { after, limit = PAGE } = request.query;
    const only = addressesOf(guard.callerOf(request));
    return feed.model.addresses({ limit, ...(after === undefined ? {} : { after }), ...(only === '*' ? {} : { only }) });
  });

  app.get('/v1/addresses/:address/positions', {
    config: { needs: 'signals' },
    schema: {
      operationId: 'positions', tags: ['addresses'], summary: 'The last known position per coin, of the latest fill that a signal counted.',
      params: addressParams, querystring: noQuery, response: { 200: positionsSchema },
    },
  }, (request): Positions => {
    const { address } = request.params;
    checkAddress(guard.callerOf(request), address);
    return { address, positions: feed.model.positions(address) };
  });

  app.get('/v1/addresses/:address/pnl', {
    config: { needs: 'signals' },
    schema: {
      operationId: 'pnl', tags: ['addresses'], summary: 'Closed profit and loss less fees, summed over the latest revisions in order of their last fills.',
      params: addressParams, querystring: noQuery, response: { 200: pnlSchema },
    },
  }, async (request): Promise<Pnl> => {
    const { address } = request.params;
    checkAddress(guard.callerOf(request), address);
    return { address, ...await feed.model.pnl(address) };
  });
}
