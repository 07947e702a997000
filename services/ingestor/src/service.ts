// `fillstream ingestor`: the exchange onto the topics, as one of any number of processes that share the watchlist.
//
// G1  What the group doesn't give this process it stops watching as soon as it hears of it; until then two may watch an
//     address, and its records come twice.
// G2  It refuses to start on what would lose data, and names the setting.

import type { Endpoint, OnEvent } from '@fillstream/hyperliquid/live';
import { KafkaInputWriter, checkDurability, type KafkaOptions, type RegistryOptions, type TopicTail } from '@fillstream/kafka';
import { inTime } from '@fillstream/runtime';
import { healthOf, type IngestorHealth } from './health.ts';
import { KafkaLiveLog } from './live/kafka-live-log.ts';
import { LiveIngest, type Arrival, type LiveIngestOptions } from './live/live-ingest.ts';
import { followRepairs } from './repairs.ts';
import { Roster, type Assignment, type RosterOptions, type RosterStatus } from './roster.ts';

export type IngestorOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly endpoint: Endpoint;
  /** Addresses that this process can watch: what the exchange lets one IP. */
  readonly capacity: number;
  readonly sessionTimeoutMs?: number;
  readonly spill?: NonNullable<LiveIngestOptions['spill']>;
  /** Told of what the feed meets. */
  readonly onEvent?: OnEvent;
  /** Told of records that became durable, and of each tick that did. */
  readonly onDurable?: (arrivals: readonly Arrival[]) => void;
  readonly onTicked?: () => void;
  readonly onAssigned?: (assignment: Assignment) => void;
  readonly onNoRoom?: (addresses: readonly string[]) => void;
  readonly onTrouble?: (message: string) => void;
};

export type IngestorStatus = LiveIngest['status'] & RosterStatus & {
  /** Partitions that it tells the time. */
  readonly ticks: number;
  /** Since it last did; 0 when there is none to tell it to. */
  readonly sinceTickMs: number;
};

/** Whoever takes longer to be durable is left behind: the next one to watch fetches it again. */
const DRAIN_MS = 8_000;

export class IngestorService {
  readonly #options: IngestorOptions;
  readonly #writer: KafkaInputWriter;
  readonly #log: KafkaLiveLog;
  readonly #ingest: LiveIngest;
  readonly #ended = Promise.withResolvers<void>();
  #roster: Roster | null = null;
  #repairs: TopicTail | null = null;
  #watched: ReadonlySet<string> = new Set();
  /** What the group gave last; null once it is carried out. */
  #next: Assignment | null = null;
  #ticks: readonly number[] = [];
  /** When time was last told, or was to be told from (`performance.now()`). */
  #tickedAt = performance.now();
  #following: Promise<void> | null = null;
  #isStopping = false;

  /** Connects, checks, reads the watchlist and joins the group. Throws PortError, and a system error for the spill file. */
  static async start(options: IngestorOptions): Promise<IngestorService> {
    await checkDurability(options.kafka); // G2
    const writer = await KafkaInputWriter.connect(options.kafka, options.registry);
    try {
      const service = new IngestorService(options, writer);
      await service.#join();
      return service;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  private constructor(options: IngestorOptions, writer: KafkaInputWriter) {
    const { kafka, endpoint, capacity, spill, onEvent, onDurable } = options;
    this.#options = options;
    this.#writer = writer;
    this.#log = new KafkaLiveLog(kafka, writer);
    this.#ingest = new LiveIngest({
      endpoint, log: this.#log, limits: { users: capacity }, ticksTo: () => this.#ticks,
      ...(spill === undefined ? {} : { spill }),
      ...(onEvent === undefined ? {} : { onEvent }),
      ...(onDurable === undefined ? {} : { onDurable }),
      onTicked: () => {
        if (this.#ticks.length === 0) return;
        this.#tickedAt = performance.now();
        options.onTicked?.();
      },
    });
    this.#ended.promise.catch(() => undefined); // Met by `run`.
    this.#ingest.feed.done.catch(this.#ended.reject);
  }

  get status(): IngestorStatus {
    const roster = this.#roster?.status ?? { isLeader: false, listed: 0, withoutRoom: 0, answeredAt: null };
    const sinceTickMs = this.#ticks.length === 0 ? 0 : Math.round(performance.now() - this.#tickedAt);
    return { ...this.#ingest.status, ...roster, ticks: this.#ticks.length, sinceTickMs };
  }

  health(): IngestorHealth {
    return healthOf(this.status, this.#log.durableAt, performance.now());
  }

  /** Resolves when stopped and drained: false when not everything was durable in time. Throws what ended the feed or the membership. */
  async run(): Promise<boolean> {
    try {
      await this.#ended.promise;
    } catch (error) {
      await this.#closed();
      throw error;
    }
    return await this.#closed();
  }

  /** Ends `run`. */
  stop(): void {
    this.#ended.resolve();
  }

  async #join(): Promise<void> {
    const { kafka, capacity, sessionTimeoutMs, onNoRoom, onTrouble } = this.#options;
    const options: RosterOptions = {
      kafka, capacity, partitions: this.#writer.partitions,
      ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
      ...(onNoRoom === undefined ? {} : { onNoRoom }),
      ...(onTrouble === undefined ? {} : { onTrouble }),
      onAssigned: (assignment) => this.#assigned(assignment),
      onFailure: (error) => this.#ended.reject(error),
    };
    try {
      this.#repairs = await followRepairs(kafka, {
        onRepair: ({ address, oid, reason }) => {
          if (this.#watched.has(address)) this.#ingest.feed.repair(address, { oid, missing: reason === 'no status' ? 'status' : 'fills' });
        },
        onTrouble: (message) => onTrouble?.(message),
        onFailure: (error) => this.#ended.reject(error),
      });
      this.#roster = await Roster.join(options);
    } catch (error) {
      await this.#repairs?.close();
      await this.#ingest.close().catch(() => undefined); // What came first is what counts.
      throw error;
    }
  }

  #assigned(assignment: Assignment): void {
    if (this.#isStopping) return;
    this.#options.onAssigned?.(assignment);
    if (this.#ticks.length === 0) this.#tickedAt = performance.now();
    this.#ticks = assignment.ticks;
    this.#watched = new Set(assignment.addresses);
    this.#next = assignment;
    this.#following ??= this.#follow().catch(this.#ended.reject).finally(() => (this.#following = null));
  }

  /** Watches what was given last (G1). */
  async #follow(): Promise<void> {
    const { feed } = this.#ingest;
    while (this.#next !== null && !this.#isStopping) {
      const given = new Set(this.#next.addresses);
      this.#next = null;
      const foreign = feed.status().addresses.filter(({ address }) => !given.has(address));
      await Promise.all(foreign.map(async ({ address }) => await feed.unwatch(address))); // Their connections are what the others need.
      for (const address of given) feed.watch(address);
    }
  }

  /** Leaves the group and drains, at once. True when all of it was done in time. */
  async #closed(): Promise<boolean> {
    this.#isStopping = true;
    const all = Promise.all([this.#roster?.leave(), this.#repairs?.close(), this.#ingest.close().catch(() => undefined)]);
    return await inTime(all.then(async () => await this.#writer.close()), DRAIN_MS);
  }
}
