// `fillstream webhooks`: deliveries as one of any number of processes that share the partitions of `signals`.
//
// V1  Every signal that goes out after a webhook was made, and that its filter lets through, is taken by it or has a dead letter:
//     at least once, whoever dies meanwhile.
// V2  A webhook costs the others nothing, whether it is slow, down or broken (deliveries.ts, webhook-queue.ts).
// V3  A secret is in no log: webhooks are told by their ids, failures by codes.

import {
  KeyedTail, SharedTopic, WireFormat, boundsOf, nameIn, registryOf, type KafkaOptions, type KeyedWord, type RegistryOptions,
} from '@fillstream/kafka';
import { DeadLetterWriter } from './dead-letters.ts';
import { Deliveries } from './deliveries.ts';
import { DEFAULT_RETRY, type RetrySettings } from './retry.ts';
import { Sender, type Answer } from './sender.ts';
import type { WebhooksStanding } from './webhook-metrics.ts';
import { WebhookQueue, type GiveUpReason, type GivenUp } from './webhook-queue.ts';
import { saidIn, type Known } from './webhooks.ts';

/** What happens, for a log. */
export type WebhookEvent =
  | { readonly kind: 'assigned'; readonly partitions: readonly number[] }
  | { readonly kind: 'added' | 'removed' | 'mended'; readonly webhook: string }
  | { readonly kind: 'broken'; readonly webhook: string; readonly reason: string }
  | { readonly kind: 'dead'; readonly webhook: string; readonly why: GiveUpReason; readonly reason: string };

export type WebhookServiceOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly allowPrivate: boolean;
  readonly retry?: RetrySettings;
  readonly timeoutMs?: number;
  /** A webhook that hasn't taken so many signals in a row, with all their tries, is broken. */
  readonly brokenAfter?: number;
  readonly sessionTimeoutMs?: number;
  /** Signals held for each webhook, and those kept for all of them. */
  readonly queued?: number;
  readonly kept?: number;
  readonly onEvent?: (event: WebhookEvent) => void;
  readonly onAnswer?: (answer: Answer) => void;
  readonly onTaken?: (emittedAt: number) => void;
  readonly onUnreadable?: () => void;
  readonly onTrouble: (text: string) => void;
};

export type WebhookHealth = { readonly healthy: boolean; readonly ready: boolean; readonly partitions: readonly number[]; readonly webhooks: number; readonly broken: number };

export const DEFAULT_TIMEOUT_MS = 10_000;
export const DEFAULT_BROKEN_AFTER = 5;
const DEFAULT_SESSION_MS = 10_000;
const SILENT_MS = 60_000;
const PATIENCE_MS = 900_000;
const QUEUED = 1_000;
/** At once, to one webhook. */
const IN_FLIGHT = 8;
const COMMIT_MS = 1_000;
const DRAIN_MS = 8_000;
const TOPIC = 'signals';

type Parts = { readonly writer: DeadLetterWriter; readonly format: WireFormat; readonly partitions: number };

export class WebhookService {
  readonly #options: WebhookServiceOptions;
  readonly #sender: Sender;
  readonly #parts: Parts;
  readonly #done = Promise.withResolvers<void>();
  #shared: SharedTopic | null = null;
  #deliveries: Deliveries | null = null;
  #tail: KeyedTail | null = null;
  /** Before there is anybody to be told of them. */
  #early: readonly number[] = [];
  readonly #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;
  readonly #startedAt = performance.now();

  /** Connects, reads what webhooks there are and joins the group. Throws PortError. */
  static async start(options: WebhookServiceOptions): Promise<WebhookService> {
    const { kafka, registry } = options;
    const partitions = (await boundsOf(kafka, TOPIC)).length;
    const format = await WireFormat.of(registryOf(registry), TOPIC, nameIn(kafka.namespace, TOPIC), kafka.onTrouble);
    const service = new WebhookService(options, { format, partitions, writer: await DeadLetterWriter.connect(kafka, registry) });
    try {
      await service.#begin();
      return service;
    } catch (error) {
      await service.#close(0);
      throw error;
    }
  }

  private constructor(options: WebhookServiceOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#sender = new Sender({ timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS, allowPrivate: options.allowPrivate });
    this.#done.promise.catch(() => undefined); // Met by who runs it.
  }

  get standing(): WebhooksStanding {
    const webhooks = (this.#deliveries?.queues ?? []).map(({ isBroken, length, inFlight }) => ({ isBroken, queued: length, inFlight }));
    return { webhooks, partitions: this.#deliveries?.partitions ?? [], behind: this.#deliveries?.behind ?? new Map() };
  }

  health(): WebhookHealth {
    const { webhooks, partitions } = this.standing;
    const silentMs = performance.now() - (this.#shared?.answeredAt ?? this.#startedAt);
    const isAnswered = silentMs < 2 * (this.#options.sessionTimeoutMs ?? DEFAULT_SESSION_MS);
    return {
      healthy: silentMs < SILENT_MS, ready: isAnswered && (this.#deliveries?.isWhole ?? false),
      partitions, webhooks: webhooks.length, broken: webhooks.filter(({ isBroken }) => isBroken).length,
    };
  }

  /** Resolves when stopped. Throws what can't be mended. */
  async run(): Promise<void> {
    try {
      await this.#done.promise;
    } finally {
      await this.#close(DRAIN_MS);
    }
  }

  /** What is under way is ended, where each webhook stands is committed; then it leaves the group. */
  stop(): void {
    this.#done.resolve();
  }

  async #begin(): Promise<void> {
    const { kafka, registry, sessionTimeoutMs = DEFAULT_SESSION_MS, kept, onTrouble } = this.#options;
    this.#tail = await KeyedTail.follow(kafka, registry, 'webhooks', { onWord: (word) => this.#take(word), onFailure: (error) => this.#done.reject(error) });
    const shared = await SharedTopic.join({
      kafka, sessionTimeoutMs, group: 'webhooks', topic: TOPIC,
      onAssigned: (partitions) => this.#assign(partitions),
      onFailure: (error) => this.#done.reject(error),
    });
    this.#shared = shared;
    const deliveries = new Deliveries({
      kafka, shared, onTrouble, ...(kept === undefined ? {} : { kept }),
      format: this.#parts.format, partitions: this.#parts.partitions,
      newQueue: (known, onRoom) => this.#newQueue(known, onRoom),
      onUnreadable: (partition, offset) => {
        this.#options.onUnreadable?.();
        onTrouble(`signals/${String(partition)} at offset ${String(offset)} is no signal that can be read: no webhook gets it`);
      },
      onFailure: (error) => this.#done.reject(error),
    });
    this.#deliveries = deliveries;
    for (const known of this.#known.values()) deliveries.put(known);
    deliveries.assign(this.#early);
    this.#timer = setTimeout(() => void this.#tick(), COMMIT_MS);
  }

  #assign(partitions: readonly number[]): void {
    this.#early = partitions;
    this.#deliveries?.assign(partitions);
    this.#options.onEvent?.({ kind: 'assigned', partitions });
  }

  /** What can't be read is told, and as good as gone: who was to get what isn't known any more. */
  #take(word: KeyedWord): void {
    const said = saidIn(word);
    const isNew = !this.#known.has(word.key);
    if (said.kind === 'known') {
      this.#known.set(word.key, said.known);
      this.#deliveries?.put(said.known);
      if (isNew) this.#options.onEvent?.({ kind: 'added', webhook: word.key });
      return;
    }
    if (said.kind === 'unreadable') this.#options.onTrouble(`webhook ${word.key} can't be read, and gets nothing: ${said.why}`);
    if (!this.#known.delete(word.key)) return;
    this.#deliveries?.remove(word.key);
    this.#options.onEvent?.({ kind: 'removed', webhook: word.key });
  }

  #newQueue({ webhook: { id, url, secret }, matches }: Known, onRoom: (queue: WebhookQueue) => void): WebhookQueue {
    const { brokenAfter = DEFAULT_BROKEN_AFTER, retry = DEFAULT_RETRY, queued = QUEUED, onEvent, onAnswer, onTaken } = this.#options;
    const queue: WebhookQueue = new WebhookQueue({
      target: { id, url, secret }, matches, retry,
      limits: { queued, inFlight: IN_FLIGHT, patienceMs: PATIENCE_MS, brokenAfter },
      send: async (target, post, cut) => await this.#sender.send(target, post, cut),
      onGivenUp: async (given) => await this.#bury(id, given),
      onTaken: ({ emittedAt }) => onTaken?.(emittedAt),
      onState: (state, reason) => onEvent?.(state === 'broken' ? { kind: 'broken', webhook: id, reason } : { kind: 'mended', webhook: id }),
      onRoom: () => onRoom(queue),
      onFailure: (error) => this.#done.reject(error),
      ...(onAnswer === undefined ? {} : { onAnswer }),
    });
    return queue;
  }

  async #bury(webhook: string, { post, attempts, why, reason }: GivenUp): Promise<void> {
    const { id: signal, revision, body } = post;
    await this.#parts.writer.write({ webhook, signal, revision, body, attempts, reason, at: Date.now(), resentAt: null });
    this.#options.onEvent?.({ kind: 'dead', webhook, why, reason });
  }

  async #tick(): Promise<void> {
    this.#deliveries?.tick();
    await this.#commit();
    if (this.#timer !== undefined) this.#timer = setTimeout(() => void this.#tick(), COMMIT_MS);
  }

  /** One that fails is made good by the next: what isn't committed comes again. */
  async #commit(): Promise<void> {
    await this.#deliveries?.commit().catch((error: unknown) => {
      this.#options.onTrouble(error instanceof Error ? error.message : String(error));
    });
  }

  async #close(drainMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#deliveries?.stop(drainMs);
    await this.#commit();
    await Promise.all([this.#shared?.close(), this.#tail?.close()]);
    await this.#parts.writer.close();
    this.#sender.close();
  }
}
