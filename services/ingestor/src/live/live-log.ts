// The log that a live ingestor writes, as the feed's sink: records become bodies of the topics, keyed by address.

import type { GapRecord, InputRecord, Progress, Sink } from '@fillstream/hyperliquid/live';
import { encodeRecord, type EncodedInput } from '@fillstream/schemas';

/** Embedded, or Kafka. Calls may be repeated: records may come twice, but never out of order. */
export interface LiveLog {
  /** Resolves when all are durable, in this order; a tick goes to every partition of both topics, or to those named. */
  append(records: readonly EncodedInput[], ticksTo?: readonly number[]): Promise<void>;
  /** How far an address is durable; null before its first fill. */
  progress(address: string): Promise<Progress | null>;
  saveProgress(address: string, progress: Progress): Promise<void>;
  gap(gap: GapRecord): Promise<void>;
}

/** A record that became durable. Milliseconds since the epoch; `exchangeAt` is NaN where the exchange told no time. */
export type Arrival = { readonly kind: InputRecord['kind']; readonly receivedAt: number; readonly exchangeAt: number };

/** `onDurable` is told of each append that was carried out. */
export function sinkOf(log: LiveLog, onDurable?: (arrivals: readonly Arrival[]) => void): Sink {
  return {
    append: async (records) => {
      await log.append(records.map(encodedOf));
      onDurable?.(records.map(arrivalOf));
    },
    progress: async (address) => await log.progress(address),
    saveProgress: async (address, progress) => {
      await log.saveProgress(address, progress);
    },
    gap: async (gap) => {
      await log.gap(gap);
    },
  };
}

function arrivalOf(record: InputRecord): Arrival {
  const { kind, receivedAt } = record;
  const time = kind === 'fill' ? record.data['time'] : kind === 'orderUpdate' ? record.data['statusTimestamp'] : NaN;
  return { kind, receivedAt, exchangeAt: typeof time === 'number' ? time : NaN };
}

/** What wasn't understood has a kind that no rule knows: the processor refuses it, and keeps it whole. */
function encodedOf(record: InputRecord): EncodedInput {
  return encodeRecord(record);
}
