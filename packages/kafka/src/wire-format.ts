// Confluent's wire format: a zero byte, the schema's id in four bytes, the Avro body.
//
// W1  Our own schema's id is known from the start, so the hot path is synchronous: five bytes are cut off.
// W2  Another id is fetched once. A body of that schema is rewritten as one of ours; where that can't be, it is unreadable.
// W3  A registry that doesn't answer is waited for, and told of: only an id that it doesn't know makes a value unreadable.

import { Agent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { PortError } from '@fillstream/runtime';
import { bodyReader, schemaTextOf, type Topic } from '@fillstream/schemas';
import { messageOf, onceInAWhile } from './connection.ts';

export type RegistryOptions = {
  /** The Confluent API's base, such as http://127.0.0.1:8081. */
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** PEM text of the only authority that is trusted, for https. */
  readonly ca?: string;
};

const HEADER_BYTES = 5;
const RETRY_MS = 500;
/** What the client puts before a message. */
const CLIENT_PREFIX = /^Confluent_Schema_Registry - (?:Error, status 400: (?=connect|getaddrinfo))?/;
/** Characters of an answer that are told. */
const GREATEST_MESSAGE = 300;

export function registryOf({ url, auth, ca }: RegistryOptions): SchemaRegistry {
  return new SchemaRegistry({
    host: url,
    ...(auth === undefined ? {} : { auth }),
    ...(ca === undefined ? {} : { agent: new Agent({ ca, keepAlive: true }) }),
    retry: { maxRetryTimeInSecs: 2, initialRetryTimeInSecs: 0.1, retries: 3 },
  });
}

/** What the registry answered, as one line: a proxy before it may answer with a page. */
export function registryMessageOf(error: unknown): string {
  if (statusOf(error) === 401) return 'it refused the login (401)';
  const [line = ''] = messageOf(error).replace(CLIENT_PREFIX, '').split('\n', 1);
  return line.length > GREATEST_MESSAGE ? `${line.slice(0, GREATEST_MESSAGE)}…` : line;
}

/** A value's subject, as Confluent names it. */
export function subjectOf(topicName: string): string {
  return `${topicName}-value`;
}

/** The framing of one topic's values. */
export class WireFormat {
  readonly #registry: SchemaRegistry;
  readonly #topic: Topic;
  readonly #ownId: number;
  readonly #header: Buffer;
  readonly #tell: (message: string) => void;
  /** By schema id; null: the registry doesn't know it, or it doesn't fit. */
  readonly #readers = new Map<number, ((body: Buffer) => Buffer) | null>();

  private constructor(registry: SchemaRegistry, topic: Topic, id: number, onTrouble: ((message: string) => void) | undefined) {
    this.#registry = registry;
    this.#topic = topic;
    this.#ownId = id;
    this.#header = Buffer.alloc(HEADER_BYTES);
    this.#header.writeUInt32BE(id, 1);
    this.#tell = onceInAWhile((message) => onTrouble?.(message));
  }

  /** Looks up the id of our schema. Throws PortError when it isn't registered, or nobody answers. `onTrouble` is told of a later silence. */
  static async of(registry: SchemaRegistry, topic: Topic, topicName: string, onTrouble?: (message: string) => void): Promise<WireFormat> {
    try {
      const id = await registry.getRegistryIdBySchema(subjectOf(topicName), { type: SchemaType.AVRO, schema: schemaTextOf(topic) });
      return new WireFormat(registry, topic, id, onTrouble);
    } catch (error) {
      throw schemaFailure(topicName, error);
    }
  }

  frame(body: Uint8Array): Buffer {
    return Buffer.concat([this.#header, body]);
  }

  /** Makes the ids of these values known, so that `unframe` can tell. Waits for the registry. */
  async learn(values: Iterable<Buffer | null>): Promise<void> {
    for (const value of values) {
      const id = idOf(value);
      if (id === null || id === this.#ownId || this.#readers.has(id)) continue;
      this.#readers.set(id, await this.#readerOf(id));
    }
  }

  /** The Avro body by our schema; null for what is unreadable. */
  unframe(value: Buffer | null): Buffer | null {
    const id = idOf(value);
    if (value === null || id === null) return null;
    const body = value.subarray(HEADER_BYTES);
    return id === this.#ownId ? body : rewritten(body, this.#readers.get(id) ?? null);
  }

  async #readerOf(id: number): Promise<((body: Buffer) => Buffer) | null> {
    const schema = await this.#schemaText(id);
    try {
      return schema === null ? null : bodyReader(this.#topic, schema);
    } catch {
      return null; // Another topic's schema, or no Avro: unreadable (W2).
    }
  }

  /** null: the registry doesn't know the id (W3). */
  async #schemaText(id: number): Promise<string | null> {
    for (;;) {
      try {
        return JSON.stringify(await this.#registry.getSchema(id));
      } catch (error) {
        if (statusOf(error) === 404) return null;
        this.#tell(`the schema registry doesn't give schema ${String(id)}, which a record names: ${registryMessageOf(error)}; asking again`);
        await sleep(RETRY_MS);
      }
    }
  }
}

function schemaFailure(topicName: string, error: unknown): PortError {
  const told = registryMessageOf(error);
  const message = [400, 401, 403].includes(statusOf(error) ?? 0)
    ? `the schema registry gave no schema of ${topicName}: ${told}`
    : `the schema registry has no schema of ${topicName} that is ours (${told}): run \`fillstream topics create\``;
  return new PortError('mismatch', message, { retryable: false, cause: error });
}

function rewritten(body: Buffer, reader: ((body: Buffer) => Buffer) | null): Buffer | null {
  try {
    return reader === null ? null : reader(body);
  } catch {
    return null; // No body of the schema that its header names: unreadable (W2).
  }
}

function idOf(value: Buffer | null): number | null {
  return value === null || value.length < HEADER_BYTES || value[0] !== 0 ? null : value.readUInt32BE(1);
}

/** Of an answer of the registry that is an error; null for any other error. */
export function statusOf(error: unknown): number | null {
  return typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number' ? error.status : null;
}
