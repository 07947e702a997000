// Fetched records as the loop takes them.

import type { LogRecord } from '@fillstream/runtime';
import type { Topic } from '@fillstream/schemas';
import { INPUT_TOPICS, toLogRecord, unreadableRecord } from '@fillstream/topics';
import type { FetchedRecord } from './backlog.ts';
import type { WireFormat } from './wire-format.ts';

/** In their order; what can't be read is an unreadable record. Waits for the registry where a schema is new. */
export async function logRecordsOf(
  formats: ReadonlyMap<Topic, WireFormat>, taken: readonly { readonly topic: number; readonly message: FetchedRecord }[],
): Promise<LogRecord[]> {
  for (const [topic, name] of INPUT_TOPICS.entries()) {
    await formats.get(name)?.learn(taken.flatMap((each) => (each.topic === topic ? [each.message.value] : [])));
  }
  return taken.map(({ topic, message }) => logRecordOf(formats, topic, message));
}

function logRecordOf(formats: ReadonlyMap<Topic, WireFormat>, topic: number, { offset, value }: FetchedRecord): LogRecord {
  const name = INPUT_TOPICS[topic];
  const body = name === undefined ? null : formats.get(name)?.unframe(value) ?? null;
  if (body !== null) {
    try {
      return toLogRecord(topic, offset, body);
    } catch {
      // No body of the schema that its header names: quarantined as it is.
    }
  }
  return unreadableRecord(topic, offset, value ?? Buffer.alloc(0));
}
