// A gateway for the client's tests: in this process, on a log in memory.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Signal, Subscription } from '@fillstream/client';
import { Gateway, type GatewayOptions } from '@fillstream/gateway';
import { MemorySource } from '@fillstream/gateway/feed/test-source';

export type Served = { readonly url: string; readonly source: MemorySource; readonly gateway: Gateway };

/** Until the test ends. */
export async function gatewayFor(t: TestContext, options: Partial<GatewayOptions> & { readonly source?: MemorySource } = {}): Promise<Served> {
  const source = options.source ?? new MemorySource();
  const gateway = await Gateway.start({
    ports: {
      source,
      life: async () => await Promise.resolve(null),
      status: async () => await Promise.resolve({ partitions: [], pending: null, quarantined: null }),
      quarantine: async () => await Promise.resolve({ records: [] }),
    },
    feedFile: ':memory:', listen: { host: '127.0.0.1', port: 0 }, authority: null, open: false, allowedHosts: [], allowedOrigins: [], limits: {},
    onAudit: () => undefined,
    onTrouble: (text) => assert.fail(text),
    ...options,
  });
  const running = gateway.run();
  t.after(async () => {
    await gateway.stop();
    await running;
  });
  return { url: gateway.url, source, gateway };
}

/** So many signals, then it is left. */
export async function taken(subscription: Subscription, count = Infinity): Promise<Signal[]> {
  const signals: Signal[] = [];
  if (count === 0) return signals;
  for await (const signal of subscription) {
    signals.push(signal);
    if (signals.length === count) break;
  }
  return signals;
}

/** What tells signals apart. */
export function names(signals: readonly Signal[]): string[] {
  return signals.map(({ id, revision }) => `${id} ${String(revision)}`);
}

/** Across partitions there is no order. */
export function sortedNames(signals: readonly Signal[]): string[] {
  return names(signals).sort();
}
