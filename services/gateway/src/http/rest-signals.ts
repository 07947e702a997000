// Signals, by request: pages of those that match, and one with its revisions.

import type { SignalPage, SignalRevisions } from '@fillstream/client';
import { checkAddress, narrowed } from './access.ts';
import type { App } from './app.ts';
import type { Edge } from './edge.ts';
import { Refusal } from './errors.ts';
import type { Guard } from './guard.ts';
import { filterOf, revisionsQuery, signalParams, signalsQuery } from './query.ts';
import { signalPageSchema, signalRevisionsSchema } from './schemas.ts';

const PAGE = 100;

export function addSignals(app: App, { feed }: Edge, guard: Guard): void {
  app.get('/v1/signals', {
    config: { needs: 'signals' },
    schema: {
      operationId: 'signals', tags: ['signals'], summary: 'Signals that match, in the order of the log.',
      description: `\`order\`: asc (default) from \`after\` or \`since\` on, or desc from \`before\` backwards. \`limit\`: ${String(PAGE)} when left out.`,
      querystring: signalsQuery, response: { 200: signalPageSchema },
    },
  }, async (request): Promise<SignalPage> => {
    const { order = 'asc', after, before, since, limit = PAGE, ...filter } = request.query;
    return await feed.page({
      filter: narrowed(guard.callerOf(request), filterOf(filter)), order, limit,
      ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }), ...(since === undefined ? {} : { since }),
    });
  });

  app.get('/v1/signals/:address/:oid/:leg', {
    config: { needs: 'signals' },
    schema: {
      operationId: 'signal', tags: ['signals'], summary: 'The latest revision of a signal; with `revisions=all` each of them.',
      params: signalParams, querystring: revisionsQuery, response: { 200: signalRevisionsSchema },
    },
  }, (request): SignalRevisions => {
    const { address, oid, leg } = request.params;
    checkAddress(guard.callerOf(request), address);
    const signals = feed.model.revisions(`${address}/${String(oid)}/${leg}`);
    if (signals.length === 0) throw new Refusal('not-found', 'there is no such signal');
    return { signals: request.query.revisions === 'all' ? signals : signals.slice(0, 1) };
  });
}
