// The dashboard's files, by their exact names: there is no path to walk. Its own routes are answered with the page.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.ts';
import { Refusal } from './errors.ts';

export type Asset = { readonly type: string; readonly body: Buffer; readonly etag: string; readonly immutable: boolean };
/** By path, `/` among them. */
export type Assets = ReadonlyMap<string, Asset>;

const PAGE = '/';
/** Of the dashboard: no dots, nothing encoded, nothing doubled. */
const OWN_ROUTE = /^(\/[A-Za-z0-9_@:~-]+)+\/?$/;
const API = /^\/v\d+(\/|$)/i;

export function addAssets(app: App, assets: Assets): void {
  for (const [path, asset] of assets) {
    app.get(path, { config: { needs: 'nothing' }, schema: { hide: true } }, (request, reply) => sendAsset(request, reply, asset));
  }
  app.setNotFoundHandler((request, reply) => {
    const page = assets.get(PAGE);
    if (page === undefined || !isForPage(request)) throw new Refusal('not-found', 'there is nothing here');
    return sendAsset(request, reply, page);
  });
}

function isForPage({ method, url, headers }: FastifyRequest): boolean {
  const [path = ''] = url.split('?');
  return method === 'GET' && OWN_ROUTE.test(path) && !API.test(path) && headers.accept?.includes('text/html') === true;
}

function sendAsset({ headers }: FastifyRequest, reply: FastifyReply, { type, body, etag, immutable }: Asset): FastifyReply {
  void reply.headers({ 'etag': etag, 'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache' });
  if (headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.type(type).send(body);
}
