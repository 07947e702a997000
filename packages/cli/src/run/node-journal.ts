// A node's files as one more journal of a run; its offsets count records.

import type { Readable } from 'node:stream';
import { NodeFiles, checkAddress, journalRecord, readNodeLine, readRecord, type JournalRecord, type NodeRecord, type RecordSource } from '@fillstream/hyperliquid';

export type NodeSource = {
  readonly paths: readonly string[];
  /** In lower case; null: all there are. */
  readonly addresses: ReadonlySet<string> | null;
};

export class NodeJournal implements RecordSource<JournalRecord> {
  readonly #files: NodeFiles<NodeRecord>;
  readonly #topic: number;
  #offset = 0;
  #head: JournalRecord | null = null;

  /** Throws JournalError. */
  static async open({ paths, addresses }: NodeSource, topic: number, input: Readable): Promise<NodeJournal> {
    const isWanted = (record: NodeRecord): boolean => addresses === null || !('address' in record) || isOneOf(addresses, record.address);
    const files = await NodeFiles.open({ paths, input, read: (line) => readNodeLine(line).filter(isWanted), timeOf: ({ receivedAt }) => receivedAt });
    return new NodeJournal(files, topic);
  }

  private constructor(files: NodeFiles<NodeRecord>, topic: number) {
    this.#files = files;
    this.#topic = topic;
  }

  get head(): JournalRecord | null {
    if (this.#head !== null) return this.#head;
    const { head } = this.#files;
    this.#head = head === null ? null : nodeJournalRecord(head, this.#topic, this.#offset);
    return this.#head;
  }

  advance(): void {
    this.#files.advance();
    this.#head = null;
    this.#offset += 1;
  }

  async fill(): Promise<boolean> {
    return await this.#files.fill();
  }

  async close(): Promise<void> {
    await this.#files.close();
  }
}

/** What names no address is for nobody else. */
function isOneOf(addresses: ReadonlySet<string>, text: string): boolean {
  const address = checkAddress(text);
  return address === null || addresses.has(address);
}

function nodeJournalRecord(record: NodeRecord, topic: number, offset: number): JournalRecord {
  const place = { offset, next: offset + 1 };
  switch (record.kind) {
    case 'fill':
    case 'orderUpdate': {
      const { json } = record;
      return {
        topic, ...place, input: readRecord(json),
        get original() {
          return JSON.stringify(json); // Of one that is refused.
        },
      };
    }
    case 'refused': {
      const { bytes } = record;
      return journalRecord(topic, typeof bytes === 'string' ? { kind: 'text', text: bytes, ...place } : { kind: 'notText', bytes, ...place });
    }
    case 'oversized': return { ...journalRecord(topic, record.line), ...place };
  }
}
