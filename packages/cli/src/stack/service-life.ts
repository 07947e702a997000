// What the commands of both services have in common: how they end, and what they answer about their health.

import type { Log, Verdict } from '@fillstream/observe';
import { DRAINING } from './service-entries.ts';

type Runs<T> = { readonly run: () => Promise<T>; readonly stop: () => void };
type Asked = { readonly health: () => { readonly healthy: boolean; readonly ready: boolean } };

/** Runs it to its end, which the signal asks for. Throws what it throws. */
export async function drainedAfter<T>(service: Runs<T>, stop: AbortSignal, log: Log): Promise<T> {
  const drain = (): void => {
    log(DRAINING);
    service.stop();
  };
  if (stop.aborted) drain();
  else stop.addEventListener('abort', drain);
  return await service.run();
}

export function verdictsOf(service: Asked): { readonly health: () => Verdict; readonly readiness: () => Verdict } {
  const verdict = (key: 'healthy' | 'ready') => (): Verdict => {
    const detail = service.health();
    return { ok: detail[key], detail };
  };
  return { health: verdict('healthy'), readiness: verdict('ready') };
}
