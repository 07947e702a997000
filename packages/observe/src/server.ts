// `/metrics`, `/healthz` and `/readyz` of a service, for Prometheus and for whoever keeps it running.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Whether it is well, and what the answer is made of. */
export type Verdict = { readonly ok: boolean; readonly detail: unknown };

export type Observed = {
  readonly registry: Registry;
  /** It makes progress: if not, starting it anew may help. */
  readonly health: () => Verdict;
  /** It does the work that it is there for. */
  readonly readiness: () => Verdict;
};

export type Served = { readonly url: string; readonly close: () => Promise<void> };

/** Answers GET alone. Rejects when the address can't be had. `port` 0: any. */
export async function serve(observed: Observed, { host, port }: { readonly host: string; readonly port: number }): Promise<Served> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    answer(observed, request.method === 'GET' ? pathname : '', response).catch(() => response.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  server.unref();
  return {
    url: `http://${host}:${String(portOf(server.address()))}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer({ registry, health, readiness }: Observed, path: string, response: ServerResponse): Promise<void> {
  switch (path) {
    case '/metrics':
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
      return;
    case '/healthz':
      tell(response, health());
      return;
    case '/readyz':
      tell(response, readiness());
      return;
    default:
      response.writeHead(404).end();
  }
}

function tell(response: ServerResponse, { ok, detail }: Verdict): void {
  response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' }).end(`${JSON.stringify(detail)}\n`);
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
