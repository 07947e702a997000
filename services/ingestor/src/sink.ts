import type { EncodedInput } from '@fillstream/schemas';

/** Where an ingestor writes: the input topics of an event log. */
export interface InputSink {
  /** Appends in order, a tick to every partition of both topics, and remembers how far the source was read: both, or neither. */
  append(records: readonly EncodedInput[], cursor: { readonly name: string; readonly value: string }): Promise<void>;
  /** How far a source was read, null before its first record. */
  cursor(name: string): Promise<string | null>;
}
