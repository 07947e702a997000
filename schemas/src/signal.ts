// Signals as bodies of the topic `signals` (contract §9).

import { codecOf, decodeBody, encodeBody, type Entries } from './avro.ts';

/** One signal, its fields in the order of contract §9. Decimals are canonical text, times milliseconds since the epoch. */
export type Signal = {
  readonly id: string;
  readonly revision: number;
  readonly address: string;
  readonly oid: number;
  readonly coin: string;
  readonly symbol: string;
  readonly cloid: string | null;
  readonly assetType: string;
  readonly direction: 'open' | 'close';
  readonly side: 'LONG' | 'SHORT';
  readonly size: string;
  readonly notional: string;
  readonly price: string;
  readonly positionSize: string;
  readonly positionBefore: string;
  readonly positionAfter: string;
  readonly closeRate: string;
  readonly positionRate: string | null;
  /** Token → sum. */
  readonly fees: Readonly<Record<string, string>>;
  readonly closedPnl: string;
  readonly fillCount: number;
  readonly firstFillAt: number;
  readonly lastFillAt: number;
  readonly orderStatus: string | null;
  readonly trigger: string;
  readonly complete: boolean;
  readonly reversal: boolean;
  readonly cause: string;
  readonly twapId: number | null;
};

type SignalBody = Omit<Signal, 'fees'> & { readonly fees: Entries<string> };

const codec = codecOf<SignalBody>('signals');

/** The fees are written in the order of their tokens' code units, so equal signals have equal bodies. */
export function encodeSignal(signal: Signal): Buffer {
  const { fees } = signal;
  const entries = Object.keys(fees).sort().map((key) => ({ key, value: fees[key] ?? '0' }));
  return encodeBody(codec, { ...signal, fees: entries });
}

/** The signal as it was, fields and fees in order. Throws SchemaError `unreadable-body`. */
export function decodeSignal(body: Uint8Array): Signal {
  const signal = decodeBody(codec, body);
  const fees = signal.fees.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, value] as const);
  return { ...signal, fees: Object.fromEntries(fees) };
}
