// What a processor knows of its surroundings, for metrics and health: how far behind it is, and how full Redis is.

import type { KafkaLog, Lag, LagWatch, Retention } from '@fillstream/kafka';
import { usageOf, type RedisConnection, type RedisUsage } from '@fillstream/redis';

const REDIS_EVERY_MS = 10_000;

export class Watch {
  readonly #connection: RedisConnection;
  readonly #lags: LagWatch;
  readonly #timer: NodeJS.Timeout;
  #redis: RedisUsage | null = null;

  constructor(log: KafkaLog, connection: RedisConnection) {
    this.#connection = connection;
    this.#lags = log.lagWatch();
    this.#lags.start();
    this.#timer = setInterval(() => void this.#askRedis(), REDIS_EVERY_MS).unref();
    void this.#askRedis();
  }

  get lags(): readonly Lag[] {
    return this.#lags.lags(Date.now());
  }

  get retention(): Retention {
    return this.#lags.retention;
  }

  /** null as long as it hasn't been told, or may not be asked. */
  get redis(): RedisUsage | null {
    return this.#redis;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lags.close();
  }

  async #askRedis(): Promise<void> {
    this.#redis = await usageOf(this.#connection).catch(() => this.#redis); // The store's own calls tell of trouble.
  }
}
