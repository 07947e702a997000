// What processors say of their partitions at /readyz, and where they are asked.

import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { z } from 'zod';
import { lineOf, UsageError } from '../../errors.ts';
import type { Stage } from './snapshot.ts';

export type Told = { readonly stages: readonly Stage[]; readonly unknown: readonly string[] };

type Resolve = (name: string, options: { readonly all: true }) => Promise<readonly LookupAddress[]>;

const ANSWER_LIMIT_MS = 5_000;
const READINESS = z.object({ partitions: z.array(z.object({ partition: z.number(), stage: z.string(), replayed: z.number() })) });

/** `host:port`, as it was given to the processor, or an URL. Throws UsageError. */
export function urlOf(flag: string, text: string): string {
  const url = URL.parse(/^https?:/.test(text) ? text : `http://${text}`);
  if (url === null || url.host === '' || url.username !== '' || url.password !== '') throw new UsageError(`${flag}: expected host:port, or a URL without a login`);
  return url.href.replace(/\/+$/, '');
}

/** A name with several addresses, as several processes have it that share a service, is asked at each. */
export async function stagesOf(url: string, resolve: Resolve = lookup): Promise<Told> {
  try {
    const told = await Promise.all((await addressesOf(url, resolve)).map(async (address) => await askedAt(address, url)));
    return { stages: told.flatMap(({ stages }) => stages), unknown: told.flatMap(({ unknown }) => unknown) };
  } catch (error) {
    return { stages: [], unknown: [`rebuild progress: ${url}: ${lineOf(error)}`] };
  }
}

/** What has a certificate has it for its name; and of an address of each kind, which one answers is the client's to find out. */
async function addressesOf(url: string, resolve: Resolve): Promise<readonly string[]> {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || hostname.startsWith('[')) return [url];
  const found = await resolve(hostname, { all: true });
  const [several = []] = Map.groupBy(found, ({ family }) => family).values().filter(({ length }) => length > 1);
  if (several.length === 0) return [url];
  return several.map(({ address, family }) => {
    const at = new URL(url);
    at.hostname = family === 6 ? `[${address}]` : address;
    return at.href.replace(/\/+$/, '');
  });
}

/** /readyz answers 503 while something is rebuilt: that is what is asked for. */
async function askedAt(url: string, name: string): Promise<Told> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const parsed = READINESS.safeParse(await answer.json());
    return parsed.success ? { stages: parsed.data.partitions, unknown: [] } : { stages: [], unknown: [`rebuild progress: ${name}/readyz is no processor's`] };
  } catch (error) {
    const reason = error instanceof TypeError && error.cause instanceof Error ? error.cause : error; // What fetch itself says is "fetch failed".
    return { stages: [], unknown: [`rebuild progress: ${name}: ${lineOf(reason)}`] };
  }
}
