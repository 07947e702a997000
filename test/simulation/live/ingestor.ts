// One ingestor of a simulation: the production LiveIngest in a process that ends and comes back, on a log that it may not reach.
//
//   down ──start──▶ up ──crash | stop | its feed ends──▶ down
//
// J1  What is assigned while it is down is forgotten: whoever starts again is given anew.
// J2  Its disk and its wall clock are the machine's: they outlive the process.

import { decodeRepair } from '@fillstream/schemas';
import type { LiveEvent } from '@fillstream/hyperliquid/live';
import { LiveIngest } from '@fillstream/ingestor/live';
import type { SimProcess } from '../process.ts';
import { SIMULATED } from './disk.ts';
import { SimLiveLog } from './live-log.ts';
import type { World } from './world.ts';

/** What an ingestor is to do, as its group tells it. */
export type Assignment = { readonly addresses: readonly string[]; readonly ticks: readonly number[] };

export type IngestorOptions = {
  readonly world: World;
  readonly name: string;
  readonly endpoint: { readonly ws: string; readonly info: string };
  readonly scale: number;
  /** Told when it begins, and when it ends by whatever. */
  readonly onLife: () => void;
};

const POLL_MS = 30_000;
const RETRY_MS = 500;
const RESTART_MS = 1_000;

export class SimIngestor {
  readonly #options: IngestorOptions;
  #process: SimProcess | null = null;
  #ingest: LiveIngest | null = null;
  #next: Assignment | null = null;
  #ticks: readonly number[] = [];
  #watched: ReadonlySet<string> = new Set();
  #following: Promise<void> | null = null;
  #clockOffsetMs = 0;
  #isAway = false;
  /** Not to be started again before its time; `for good`: at all. */
  #isHeldDown: boolean | 'for good' = false;

  constructor(options: IngestorOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get process(): SimProcess | null {
    return this.#process;
  }

  get folder(): string {
    return `${SIMULATED}${this.name}/`;
  }

  /** All that it was given is watched, whole and durable. */
  get isSettled(): boolean {
    const status = this.#ingest?.status;
    return status !== undefined && !status.isSpilling && this.#following === null && status.addresses.length === this.#watched.size
      && status.addresses.every(({ state, queued, held }) => state === 'live' && queued + held === 0);
  }

  get watched(): readonly string[] {
    return [...this.#watched];
  }

  start(): void {
    if (this.#process !== null || this.#isHeldDown === 'for good') return;
    const { world: { simulation }, name, endpoint, scale } = this.#options;
    const process = simulation.process(name);
    process.clockOffsetMs = this.#clockOffsetMs;
    this.#process = process;
    process.onEnd(() => this.#ended(process));
    process.enter(() => {
      this.#ingest = new LiveIngest({
        endpoint, scale, log: new SimLiveLog(simulation, process, () => this.#isAway), limits: { users: 10 }, ticksTo: () => this.#ticks,
        spill: { path: `${this.folder}spill`, onChange: (change) => simulation.count(`ingestor: ${change}`) },
        onEvent: (event) => this.#note(event),
      });
      this.#ingest.feed.done.catch(() => {
        simulation.count('ingestor: ended by its log');
        process.crash();
      });
      this.#followRepairs(process);
    });
    this.#options.onLife();
  }

  crash({ isPowerLoss, downMs }: { readonly isPowerLoss: boolean; readonly downMs: number }): void {
    if (this.#process === null) return;
    if (isPowerLoss) this.#options.world.network.powerOff(this.#process);
    this.#holdDown(downMs);
    this.#process.crash();
  }

  /** In order: what was taken becomes durable. Resolves when it has ended; after a while it comes back. */
  async stop(downMs: number | 'for good'): Promise<void> {
    if (downMs === 'for good') this.#isHeldDown = downMs;
    else this.#holdDown(downMs);
    const [process, ingest] = [this.#process, this.#ingest];
    if (process === null || ingest === null) return;
    const ended = new Promise<void>((resolve) => process.onEnd(resolve));
    process.deliver(0, () => {
      ingest.close().catch(() => undefined).finally(() => process.crash()); // It has nothing more to do.
    });
    await ended;
  }

  jumpClock(byMs: number): void {
    this.#clockOffsetMs += byMs;
    if (this.#process !== null) this.#process.clockOffsetMs = this.#clockOffsetMs;
  }

  /** Whether it reaches the broker. */
  setAway(isAway: boolean): void {
    this.#isAway = isAway;
  }

  /** Arrives as its group's word does; what it gives up it stops to watch first. */
  assign(assignment: Assignment): void {
    this.#ticks = assignment.ticks;
    this.#watched = new Set(assignment.addresses);
    this.#next = assignment;
    this.#following ??= this.#follow().finally(() => (this.#following = null));
  }

  async #follow(): Promise<void> {
    const feed = this.#ingest?.feed;
    while (feed !== undefined && this.#next !== null) {
      const given = new Set(this.#next.addresses);
      this.#next = null;
      const foreign = feed.status().addresses.filter(({ address }) => !given.has(address));
      await Promise.all(foreign.map(async ({ address }) => await feed.unwatch(address)));
      for (const address of given) feed.watch(address);
    }
  }

  /** Of each partition of `repairs`, from its end on. */
  #followRepairs(process: SimProcess): void {
    const { broker, partitions } = this.#options.world.simulation;
    for (let partition = 0; partition < partitions; partition += 1) void this.#followPartition(process, partition, broker.end('repairs', partition));
  }

  async #followPartition(process: SimProcess, partition: number, from: number): Promise<void> {
    const { simulation } = this.#options.world;
    const { broker } = simulation;
    for (let next = from; ;) {
      try {
        const read = await process.call('ingestor repairs', async () => {
          await broker.waitFor('repairs', partition, next, POLL_MS);
          return broker.read('repairs', partition, next, 1_000, { committed: true });
        }, { timeoutMs: POLL_MS * 2 });
        next = read.next;
        for (const { value } of this.#isAway ? [] : read.records) if (value !== null) this.#repair(value);
      } catch {
        await new Promise<void>((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #repair(body: Uint8Array): void {
    const { address, oid, reason } = decodeRepair(body);
    if (!this.#watched.has(address)) return;
    this.#options.world.simulation.count('ingestor: asked for a repair');
    this.#ingest?.feed.repair(address, { oid, missing: reason === 'no status' ? 'status' : 'fills' });
  }

  #holdDown(downMs: number): void {
    if (this.#isHeldDown === 'for good') return;
    this.#isHeldDown = true;
    this.#options.world.simulation.time.after(downMs, () => {
      if (this.#isHeldDown === 'for good') return;
      this.#isHeldDown = false;
      this.start();
    });
  }

  #ended(process: SimProcess): void {
    if (this.#process !== process) return;
    [this.#process, this.#ingest, this.#next, this.#following] = [null, null, null, null];
    [this.#ticks, this.#watched] = [[], new Set()];
    this.#options.onLife();
    if (this.#isHeldDown !== false) return;
    this.#options.world.simulation.time.after(RESTART_MS, () => this.start());
  }

  #note(event: LiveEvent): void {
    const { simulation } = this.#options.world;
    switch (event.kind) {
      case 'repaired':
        simulation.count(`feed: repaired, ${event.reason}`);
        break;
      case 'disconnected':
        simulation.count(`feed: disconnected, ${event.end}`);
        break;
      case 'requestFailed':
      case 'records':
      case 'leftOut':
        return;
      default:
        simulation.count(`feed: ${event.kind}`);
    }
    simulation.trace(`${this.name} ${JSON.stringify(event)}`);
  }
}
