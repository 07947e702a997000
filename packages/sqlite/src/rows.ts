import type { InputTopic } from '@fillstream/schemas';

/** The input topics, in the order of a position's offsets and clocks. */
export const INPUT_TOPICS = ['fills', 'order-updates'] as const satisfies readonly InputTopic[];

/** A stored record; `arrival` orders the records of all topics. */
export type Row = { readonly offset: number; readonly arrival: number; readonly body: Uint8Array };

/** A record to be stored in one partition; `timestamp` is milliseconds since the epoch. */
export type NewRecord = {
  readonly topic: string;
  readonly timestamp: number | null;
  readonly key: string | null;
  readonly body: Uint8Array;
};
