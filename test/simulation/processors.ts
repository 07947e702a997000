// The processors of a run: each a process with the production GroupProcessor and its loops, started again whenever it ends.

import { PortError, StoreRefused, type LoopEvent, type LoopLimits } from '@fillstream/runtime';
import type { Settings } from '@fillstream/core';
import { GroupProcessor } from '../../services/processor/src/group-processor.ts';
import { SimLog } from './event-log.ts';
import { SimGroup, SimMember } from './group.ts';
import type { SimProcess } from './process.ts';
import type { Simulation } from './simulation.ts';
import { SimStore } from './state-store.ts';
import type { SimStoreServer } from './store.ts';

export type ProcessorsOptions = {
  readonly count: number;
  readonly settings: Settings;
  readonly limits: Partial<LoopLimits>;
  readonly server: SimStoreServer;
};

const RESTART_MS = 300;

type Running = { readonly process: SimProcess; readonly processor: GroupProcessor };

export class Processors {
  readonly group: SimGroup;
  readonly #simulation: Simulation;
  readonly #options: ProcessorsOptions;
  readonly #running = new Map<number, Running>();
  #starts = 0;
  #isStopping = false;

  constructor(simulation: Simulation, options: ProcessorsOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.group = new SimGroup(simulation);
  }

  get count(): number {
    return this.#options.count;
  }

  /** null while it is down. */
  process(index: number): SimProcess | null {
    return this.#running.get(index)?.process ?? null;
  }

  startAll(): void {
    for (let index = 0; index < this.#options.count; index += 1) this.#start(index);
  }

  /** Asks all to drain and end; `isStopped` tells when they have. */
  stopAll(): void {
    this.#isStopping = true;
    for (const { process, processor } of this.#running.values()) process.deliver(0, () => processor.stop());
  }

  get isStopped(): boolean {
    return this.#running.size === 0;
  }

  #start(index: number): void {
    if (this.#isStopping) return;
    const { server, settings, limits } = this.#options;
    const process = this.#simulation.process(`processor-${String(index)}`);
    this.#starts += 1;
    const id = `${process.name} ${String(this.#starts)}`;
    process.enter(() => {
      let assign: (partitions: readonly number[]) => void = () => undefined;
      const member = new SimMember(this.#simulation, process, this.group, id, (partitions) => assign(partitions));
      const log = new SimLog(this.#simulation, process, member);
      const store = new SimStore(this.#simulation, process, server);
      const processor = new GroupProcessor({ log, store, settings, limits, onEvent: (event) => this.#note(process, event) });
      assign = (partitions) => processor.assign(partitions);
      this.#running.set(index, { process, processor });
      void member.stay();
      void this.#live(process, processor, member);
    });
    process.onEnd(() => {
      this.#running.delete(index);
      this.#simulation.time.after(RESTART_MS + this.#simulation.random.between(0, 2_000), () => this.#start(index));
    });
  }

  async #live(process: SimProcess, processor: GroupProcessor, member: SimMember): Promise<void> {
    try {
      await processor.run();
      await member.leave();
    } catch (error) {
      this.#simulation.count('processor: ended by an error');
      if (!isOperational(error)) this.#simulation.problem(`broken: ${process.name} ended: ${String(error instanceof Error ? error.stack : error)}`);
    }
    process.crash();
  }

  #note(process: SimProcess, event: LoopEvent): void {
    const { kind, partition } = event;
    switch (kind) {
      case 'takenOver': {
        this.#simulation.count(`taken over: ${event.how}`);
        if (event.lost !== null) this.#simulation.count(`state lost: ${event.lost}`);
        if (event.replayed > 0) this.#simulation.count('records replayed', event.replayed);
        this.#simulation.trace(`${process.name} has ${String(partition)}: ${event.how} ${event.lost ?? ''} after ${String(event.replayed)} at ${event.at.id}`);
        break;
      }
      case 'committed': {
        this.#simulation.trace(`${process.name} committed ${String(partition)}: ${event.commit.to.id} ${String(event.commit.signals.length)}`);
        break;
      }
      case 'checkpointed': {
        this.#simulation.count('checkpoints');
        break;
      }
      case 'interrupted': {
        const { error } = event;
        this.#simulation.count(`interrupted: ${error instanceof PortError ? error.code : error instanceof StoreRefused ? error.why : error.name}`);
        this.#simulation.trace(`${process.name} interrupted ${String(partition)}: ${error.message}`);
        break;
      }
    }
  }
}

/** What another start may mend. */
function isOperational(error: unknown): boolean {
  return error instanceof StoreRefused || (error instanceof PortError && error.retryable);
}
