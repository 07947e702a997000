// For tests: a log of signals in memory, with the gaps that markers of transactions leave.

import type { Signal } from '@fillstream/client';
import { partitionOf } from '@fillstream/runtime';
import type { SignalBatch, SignalRecord, SignalSource } from '../ports.ts';

const BATCH = 500;

export class MemorySource implements SignalSource {
  readonly partitions: number;
  readonly identity: string;
  readonly #records: SignalRecord[][];
  #changed = Promise.withResolvers<void>();

  constructor(partitions = 4, identity = 'memory') {
    this.partitions = partitions;
    this.identity = identity;
    this.#records = Array.from({ length: partitions }, () => []);
  }

  /** To the partitions of their addresses; `marker` leaves an offset out after each of them. */
  append(signals: readonly Signal[], { marker = false, appendedAt = null }: { readonly marker?: boolean; readonly appendedAt?: number | null } = {}): void {
    for (const signal of signals) {
      const partition = partitionOf(signal.address, this.partitions);
      const records = this.#records[partition] ?? [];
      records.push({ partition, offset: (records.at(-1)?.offset ?? -1) + (marker ? 2 : 1), appendedAt, signal });
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async bounds(): Promise<{ low: number; high: number }[]> {
    return await Promise.resolve(this.#records.map((records) => ({ low: 0, high: (records.at(-1)?.offset ?? -1) + 1 })));
  }

  async recordsAt(places: readonly { readonly partition: number; readonly offset: number }[]): Promise<SignalRecord[]> {
    return await Promise.resolve(places.flatMap(({ partition, offset }) => this.#records[partition]?.filter((record) => record.offset === offset) ?? []));
  }

  async *follow(from: readonly number[], stop: AbortSignal): AsyncGenerator<SignalBatch> {
    const next = [...from];
    const stopped = new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => resolve());
    });
    while (!stop.aborted) {
      const changed = this.#changed.promise;
      const records = this.#records.flatMap((all, partition) => all.filter(({ offset }) => offset >= (next[partition] ?? 0)).slice(0, BATCH));
      if (records.length === 0) {
        await Promise.race([changed, stopped]);
        continue;
      }
      for (const { partition, offset } of records) next[partition] = offset + 1;
      yield { records, next: [...next] };
    }
  }
}

let made = 0;

/** A signal of its own order unless told otherwise. */
export function testSignal(part: Partial<Signal> = {}): Signal {
  made += 1;
  const address = part.address ?? testAddress(made % 10);
  const oid = part.oid ?? made;
  const [direction, side] = [part.direction ?? 'open', part.side ?? 'LONG'];
  return {
    id: `${address}/${String(oid)}/${direction}-${side.toLowerCase()}`, revision: 1, address, oid, coin: 'BTC', symbol: 'BTC', cloid: null,
    assetType: 'futures', direction, side, size: '0.5', notional: '50000.5', price: '100001', positionSize: 'medium', positionBefore: '0',
    positionAfter: '0.5', closeRate: '0', positionRate: '12.5', fees: { USDC: '1.25' }, closedPnl: '0', fillCount: 2,
    firstFillAt: 1_700_000_000_000 + made * 1_000, lastFillAt: 1_700_000_000_500 + made * 1_000, orderStatus: 'filled', trigger: 'complete',
    complete: true, reversal: false, cause: 'trade', twapId: null, ...part,
  };
}

export function testAddress(number: number): string {
  return `0x${number.toString(16).padStart(40, '0')}`;
}
