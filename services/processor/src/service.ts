// `fillstream processor`: the partition loops on Kafka and Redis, as one member of the group.
//
// S1  It refuses to start on what would lose data, and names the setting.

import type { Settings } from '@fillstream/core';
import { KafkaLog, checkDurability, type Delivery, type KafkaOptions, type RegistryOptions } from '@fillstream/kafka';
import { RedisConnection, RedisStore, agreeOn, checkRedis, type RedisOptions } from '@fillstream/redis';
import type { LoopEvent, LoopLimits } from '@fillstream/runtime';
import { GroupProcessor } from './group-processor.ts';
import { healthOf, type ProcessorHealth } from './health.ts';

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
  readonly onAssigned?: (partitions: readonly number[]) => void;
  readonly onTrouble?: (message: string) => void;
};

/**
 * A checkpoint is one script, and a take-over replays what came after it: some seconds of work, also of a backlog. The fewer
 * there are, the more orders come and go between two. A Redis that is slow or gone holds signals back late.
 */
export const SERVICE_LIMITS = { checkpointRecords: 2_000, checkpointMs: 5_000, unsavedRecords: 200_000, auditMs: 30_000 } as const satisfies Partial<LoopLimits>;

export class ProcessorService {
  readonly #connection: RedisConnection;
  readonly #log: KafkaLog;
  readonly #processor: GroupProcessor;
  #joined = false;

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
    this.#connection = connection;
    this.#log = log;
    this.#processor = new GroupProcessor({
      log,
      store: new RedisStore({ connection, namespace }),
      settings,
      limits: { ...SERVICE_LIMITS, ...limits },
      ...(onEvent === undefined ? {} : { onEvent }),
    });
  }

  get partitions(): readonly number[] {
    return this.#processor.partitions;
  }

  health(): ProcessorHealth {
    return healthOf(this.#joined, this.#processor.standings, performance.now());
  }

  /** Resolves when stopped. Throws what can't be mended: input that would be skipped, a store that gave no answer. */
  async run(): Promise<void> {
    try {
      await this.#processor.run();
    } finally {
      await this.#log.close();
      this.#connection.close();
    }
  }

  /** Drains, then leaves the group. */
  stop(): void {
    this.#processor.stop();
  }

  async #join({ onAssigned }: ServiceOptions): Promise<void> {
    await this.#log.join({
      onAssigned: (partitions) => {
        this.#joined = true;
        onAssigned?.(partitions);
        this.#processor.assign(partitions);
      },
      onFailure: (error) => {
        this.#processor.fail(error);
      },
    });
  }
}
