// `fillstream processor`: the partition loops on Kafka and Redis, as one member of the group.
//
// S1  It refuses to start on what would lose data, and names the setting.

import type { Settings } from '@fillstream/core';
import { KafkaLog, checkDurability, type Delivery, type KafkaOptions, type Lag, type OnStep, type RegistryOptions, type Retention } from '@fillstream/kafka';
import { RedisConnection, RedisStore, agreeOn, checkRedis, type RedisOptions, type RedisUsage } from '@fillstream/redis';
import { inTime, type Holdings, type LoopEvent, type LoopLimits } from '@fillstream/runtime';
import { GroupProcessor } from './group-processor.ts';
import { healthOf, type PartitionHealth, type ProcessorHealth } from './health.ts';
import { Watch } from './watch.ts';

export type ServiceOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly redis: RedisOptions;
  readonly namespace: string;
  readonly delivery: Delivery;
  readonly settings: Settings;
  /** The settings as text, equal exactly when the fold would be the same. */
  readonly settingsText: string;
  readonly sessionTimeoutMs?: number;
  readonly limits?: Partial<LoopLimits>;
  readonly onEvent?: (event: LoopEvent) => void;
  /** Told of the steps of commits, and of joinings of the group. */
  readonly onStep?: OnStep;
  readonly onJoined?: (ms: number) => void;
  readonly onAssigned?: (partitions: readonly number[]) => void;
  readonly onTrouble?: (message: string) => void;
};

/**
 * A checkpoint is one script, and a take-over replays what came after it: some seconds of work, also of a backlog. The fewer
 * there are, the more orders come and go between two. A Redis that is slow or gone holds signals back late.
 */
export const SERVICE_LIMITS = { checkpointRecords: 2_000, checkpointMs: 5_000, unsavedRecords: 200_000, auditMs: 30_000 } as const satisfies Partial<LoopLimits>;

/** How a processor stands. */
export type ProcessorStanding = {
  /** Of each topic. */
  readonly partitionCount: number;
  readonly partitions: readonly (PartitionHealth & { readonly holdings: Holdings | null })[];
  readonly lags: readonly Lag[];
  readonly retention: Retention;
  readonly redis: RedisUsage | null;
};

const SESSION_TIMEOUT_MS = 30_000;
/** To leave the group; a broker that is away is not waited for: the group finds out when the session has ended. */
const LEAVE_MS = 1_500;

export class ProcessorService {
  readonly #options: ServiceOptions;
  readonly #connection: RedisConnection;
  readonly #log: KafkaLog;
  readonly #processor: GroupProcessor;
  /** By partition (`performance.now()`). */
  readonly #committedAt = new Map<number, number>();
  #watch: Watch | null = null;

  /** Connects, checks and joins the group. Throws PortError. */
  static async start(options: ServiceOptions): Promise<ProcessorService> {
    await checkDurability(options.kafka); // S1
    const connection = await RedisConnection.open(options.redis);
    try {
      const warning = await checkRedis(connection);
      if (warning !== null) options.onTrouble?.(warning);
      const log = await KafkaLog.connect(options);
      try {
        await agreeOn(connection, options.namespace, { partitions: String(log.partitions), settings: options.settingsText });
        const service = new ProcessorService(options, connection, log);
        await service.#join(options);
        return service;
      } catch (error) {
        await log.close();
        throw error;
      }
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(options: ServiceOptions, connection: RedisConnection, log: KafkaLog) {
    const { namespace, settings, limits, onEvent } = options;
    this.#options = options;
    this.#connection = connection;
    this.#log = log;
    this.#processor = new GroupProcessor({
      log,
      store: new RedisStore({ connection, namespace }),
      settings,
      limits: { ...SERVICE_LIMITS, ...limits },
      tallies: onEvent !== undefined,
      onEvent: (event) => {
        if (event.kind === 'takenOver' || event.kind === 'committed') this.#committedAt.set(event.partition, performance.now());
        onEvent?.(event);
      },
    });
  }

  get partitions(): readonly number[] {
    return this.#processor.partitions;
  }

  /** Begins to ask Kafka and Redis how things are: health and standing are less without. */
  watch(): void {
    this.#watch ??= new Watch(this.#log, this.#connection);
  }

  health(): ProcessorHealth {
    const now = performance.now();
    const { sessionTimeoutMs = SESSION_TIMEOUT_MS } = this.#options;
    const stalledMs = new Map<number, number>();
    for (const { partition, waitingMs } of this.#watch?.lags ?? []) {
      const since = now - (this.#committedAt.get(partition) ?? now);
      stalledMs.set(partition, Math.max(stalledMs.get(partition) ?? 0, Math.min(since, waitingMs)));
    }
    return healthOf({ answeredAt: this.#log.answeredAt, silentMs: 2 * sessionTimeoutMs, standings: this.#processor.standings, stalledMs }, now);
  }

  get standing(): ProcessorStanding {
    const { holdings } = this.#processor;
    return {
      partitionCount: this.#log.partitions,
      partitions: this.health().partitions.map((each) => ({ ...each, holdings: holdings.get(each.partition) ?? null })),
      lags: this.#watch?.lags ?? [],
      retention: this.#watch?.retention ?? new Map(),
      redis: this.#watch?.redis ?? null,
    };
  }

  /** Resolves when stopped. Throws what can't be mended: input that would be skipped, a store that gave no answer. */
  async run(): Promise<void> {
    try {
      await this.#processor.run();
    } finally {
      await inTime(Promise.allSettled([this.#watch?.close(), this.#log.close()]), LEAVE_MS);
      this.#connection.close();
    }
  }

  /** Drains, then leaves the group. */
  stop(): void {
    this.#processor.stop();
  }

  async #join({ onAssigned, onJoined }: ServiceOptions): Promise<void> {
    await this.#log.join({
      ...(onJoined === undefined ? {} : { onJoined }),
      onAssigned: (partitions) => {
        onAssigned?.(partitions);
        this.#processor.assign(partitions);
      },
      onFailure: (error) => {
        this.#processor.fail(error);
      },
    });
  }
}
