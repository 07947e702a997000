// The twin of fetch: requests to hosts of the simulation, as far as the product uses it.
//
// H1  A request is answered, refused or aborted; or, in a process that is gone, nothing.

import type { HttpReply } from './network.ts';
import { processNow, worldNow } from './world.ts';

type Init = { readonly method?: string; readonly body?: string; readonly signal?: AbortSignal };
/** What of a Response is used. */
type Answer = { readonly status: number; readonly ok: boolean; readonly body: AsyncIterable<Uint8Array> };

export async function simFetch(address: string | URL, { body = '', signal }: Init = {}): Promise<Answer> {
  signal?.throwIfAborted();
  const { network, simulation } = worldNow();
  const { hostname, pathname } = new URL(address);
  const process = processNow();
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const listener = network.routeTo(hostname, process);
  let giveUp = (): void => undefined;
  const respond = (reply: HttpReply): void => {
    process.deliver(simulation.travel(), () => {
      signal?.removeEventListener('abort', abort);
      resolve(answerOf(reply));
    });
  };
  const abort = (): void => {
    reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (typeof listener === 'object') listener.process.deliver(simulation.travel(), giveUp);
  };
  signal?.addEventListener('abort', abort, { once: true });
  if (listener === 'refused') {
    process.deliver(simulation.travel(), () => reject(failed('ECONNREFUSED')));
  } else if (listener !== 'silent') {
    listener.process.deliver(simulation.travel(), () => {
      giveUp = listener.onRequest?.({ path: pathname, body, from: process, respond }) ?? giveUp;
    });
  }
  return await promise;
}

function answerOf({ status, text, isCut }: HttpReply): Answer {
  return { status, ok: status >= 200 && status < 300, body: bytesOf(text, isCut) };
}

async function* bytesOf(text: string, isCut: boolean): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield Buffer.from(isCut ? text.slice(0, Math.ceil(text.length / 2)) : text);
  if (isCut) throw failed('terminated');
}

function failed(why: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(why) });
}
