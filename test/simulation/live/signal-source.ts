// The topic `signals` on the simulated broker as a gateway reads it: committed records of all partitions, outside any group's offsets.
//
// O1  A request that isn't answered is asked again, from where reading stood.
// O2  When its process is gone it breaks off whatever waits for it, so that files are let go: nothing else is done by that.

import { decodeSignal } from '@fillstream/schemas';
import type { Signal } from '@fillstream/client';
import type { SignalBatch, SignalRecord, SignalSource } from '@fillstream/gateway/ports';
import type { SimProcess } from '../process.ts';
import type { Simulation } from '../simulation.ts';
import type { SimRecord } from '../topic.ts';

export const LOG_IDENTITY = 'simulation/signals';
const BATCH = 200;
const POLL_MS = 20_000;
const RETRY_MS = 200;

type Bounds = { readonly low: number; readonly high: number };

export class SimSignalSource implements SignalSource {
  readonly identity = LOG_IDENTITY;
  readonly partitions: number;
  readonly #simulation: Simulation;
  readonly #process: SimProcess;
  readonly #gone = Promise.withResolvers<never>();

  constructor(simulation: Simulation, process: SimProcess) {
    this.#simulation = simulation;
    this.#process = process;
    this.partitions = simulation.partitions;
    this.#gone.promise.catch(() => undefined); // Met by whoever waits for it.
    process.onEnd(() => this.#gone.reject(new Error(`${process.name} is gone`)));
  }

  async bounds(): Promise<readonly Bounds[]> {
    const { broker } = this.#simulation;
    return await this.#ask('bounds', () => this.#all.map((partition) => ({ low: 0, high: broker.end('signals', partition) })));
  }

  async recordsAt(places: readonly { readonly partition: number; readonly offset: number }[]): Promise<readonly SignalRecord[]> {
    const { broker } = this.#simulation;
    return await this.#ask('records', () => places.flatMap(({ partition, offset }) => (
      broker.read('signals', partition, offset, 1, { committed: true }).records.filter((record) => record.offset === offset).map((record) => signalOf(partition, record))
    )));
  }

  async *follow(from: readonly number[], stop: AbortSignal): AsyncGenerator<SignalBatch> {
    const next = [...from];
    const stopped = new Promise<null>((resolve) => {
      if (stop.aborted) resolve(null);
      stop.addEventListener('abort', () => resolve(null), { once: true });
    });
    for (;;) {
      const batch = await Promise.race([this.#ask('follow', async () => await this.#poll(next)), stopped]);
      if (batch === null) return;
      const hasMoved = batch.next.some((offset, partition) => offset !== next[partition]);
      for (const [partition, offset] of batch.next.entries()) next[partition] = offset;
      if (hasMoved) yield batch; // Past markers too: a topic of transactions ends with one.
    }
  }

  /** At the broker: waits until a partition has more, and reads what all of them have, in an order of its own. */
  async #poll(from: readonly number[]): Promise<SignalBatch> {
    const { broker, random } = this.#simulation;
    await Promise.race(from.map(async (offset, partition) => await broker.waitFor('signals', partition, offset, POLL_MS)));
    const next = [...from];
    const first = random.between(0, this.partitions - 1);
    const records = this.#all.flatMap((place) => {
      const partition = (first + place) % this.partitions;
      const read = broker.read('signals', partition, from[partition] ?? 0, BATCH, { committed: true });
      next[partition] = read.next;
      return read.records.map((record) => signalOf(partition, record));
    });
    return { records, next };
  }

  async #ask<T>(name: string, effect: () => T | PromiseLike<T>): Promise<T> {
    for (;;) {
      try {
        return await Promise.race([this.#process.call(`gateway ${name}`, effect, { timeoutMs: POLL_MS * 2 }), this.#gone.promise]);
      } catch (error) {
        if (this.#process.life === 'gone') throw error; // O2
        await new Promise<void>((resolve) => setTimeout(resolve, RETRY_MS)); // O1
      }
    }
  }

  get #all(): readonly number[] {
    return Array.from({ length: this.partitions }, (_, partition) => partition);
  }
}

/** All signals that are committed now, by partition and offset. */
export function committedSignals(simulation: Simulation): readonly SignalRecord[] {
  return Array.from({ length: simulation.partitions }, (_, partition) => (
    simulation.broker.read('signals', partition, 0, Number.MAX_SAFE_INTEGER, { committed: true }).records.map((record) => signalOf(partition, record))
  )).flat();
}

function signalOf(partition: number, { offset, value }: SimRecord): SignalRecord {
  // The schema's texts are those of the protocol (contract §9).
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return { partition, offset, appendedAt: null, signal: decodeSignal(value ?? Buffer.alloc(0)) as Signal };
}
