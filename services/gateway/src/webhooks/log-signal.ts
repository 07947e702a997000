// A record of the topic `signals`, as webhooks need it.

import type { Signal } from '@fillstream/client';
import type { WireFormat } from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';

export type LogSignal = {
  readonly partition: number;
  readonly offset: number;
  readonly signal: Signal;
  /** Its JSON. */
  readonly body: string;
  /** When it went out (ms), as its record says; NaN where it doesn't. */
  readonly emittedAt: number;
};

type Fetched = { readonly offset: number; readonly value: Buffer | null; readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>> };

/** null: it can't be read. Waits for the registry. */
export async function logSignalOf(format: WireFormat, partition: number, { offset, value, headers }: Fetched): Promise<LogSignal | null> {
  await format.learn([value]);
  const body = format.unframe(value);
  if (body === null) return null;
  try {
    // The schema's texts are those of the protocol (contract §9).
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    const signal = decodeSignal(body) as Signal;
    return { partition, offset, signal, body: JSON.stringify(signal), emittedAt: Number(headers['emittedAt']?.toString() ?? NaN) };
  } catch {
    return null;
  }
}
