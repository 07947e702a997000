// How it all stands: for people, for whoever keeps it running, and for Prometheus. And the documents.

import type { QuarantinePage, StatusReport } from '@fillstream/client';
import { addressesOf } from './access.ts';
import type { App } from './app.ts';
import { asyncApi, OBJECT_SCHEMA, TEXT_SCHEMA } from './documents.ts';
import type { Edge } from './edge.ts';
import type { Guard } from './guard.ts';
import { noQuery, quarantineQuery } from './query.ts';
import { quarantinePageSchema, statusReportSchema } from './schemas.ts';

const PAGE = 100;

export function addStatus(app: App, { feed, ports, standing, connections, metrics }: Edge, guard: Guard): void {
  app.get('/v1/status', {
    config: { needs: 'status' },
    schema: {
      operationId: 'status', tags: ['status'], summary: 'Partitions, what waits, and the last five minutes.',
      querystring: noQuery, response: { 200: statusReportSchema },
    },
  }, async (): Promise<StatusReport> => {
    const { partitions, pending, quarantined } = await standing.told();
    return {
      at: Date.now(), pending, quarantined,
      partitions: partitions.map((each) => ({ ...each, signals: feed.next[each.partition] ?? each.signals })),
      gateway: { connections: connections.count('ws') + connections.count('sse'), ...feed.counts, ready: standing.isReady },
      history: standing.history(),
    };
  });

  app.get('/v1/quarantine', {
    config: { needs: 'status' },
    schema: {
      operationId: 'quarantine', tags: ['status'],
      summary: 'Records that were refused, the newest first; with a token for some addresses, theirs alone.',
      querystring: quarantineQuery, response: { 200: quarantinePageSchema },
    },
  }, async (request): Promise<QuarantinePage> => {
    const page = await ports.quarantine(request.query.limit ?? PAGE);
    const allowed = addressesOf(guard.callerOf(request));
    return allowed === '*' ? page : { records: page.records.filter(({ address }) => address !== null && allowed.includes(address)) };
  });

  app.get('/metrics', {
    config: { needs: 'status' },
    schema: {
      operationId: 'metrics', tags: ['status'], summary: 'The text format of Prometheus.',
      querystring: noQuery, produces: ['text/plain'], response: { 200: TEXT_SCHEMA },
    },
  }, async (_, reply) => await reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()));

  for (const [path, summary, verdict] of [
    ['/healthz', '200 while the log is read on, or there is nothing to read; else 503.', () => standing.health],
    ['/readyz', '200 once everything on the log has been read; else 503.', () => standing.readiness],
  ] as const) {
    app.get(path, {
      config: { needs: 'nothing' },
      schema: { operationId: path.slice(1), tags: ['status'], summary, querystring: noQuery, response: { 200: OBJECT_SCHEMA, 503: OBJECT_SCHEMA } },
    }, async (_, reply) => {
      const { ok, detail } = verdict();
      return await reply.code(ok ? 200 : 503).send(detail);
    });
  }
}

export function addDocuments(app: App): void {
  const asynchronous = asyncApi();
  app.get('/openapi.json', {
    config: { needs: 'nothing' },
    schema: { operationId: 'openapi', tags: ['documents'], summary: 'This document.', querystring: noQuery },
  }, () => app.swagger());
  app.get('/asyncapi.json', {
    config: { needs: 'nothing' },
    schema: { operationId: 'asyncapi', tags: ['documents'], summary: 'The messages of the WebSocket, as AsyncAPI.', querystring: noQuery },
  }, () => asynchronous);
}
