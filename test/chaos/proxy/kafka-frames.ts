// What a proxy needs to know of Kafka's protocol: frames, the heads of requests, and where answers name brokers.

const SIZE_BYTES = 4;
/** Of what the project's client sends; from the next version on the encoding is another. */
const LAST_PLAIN = { metadata: 8, findCoordinator: 2 };

export const API = {
  Produce: 0, Metadata: 3, FindCoordinator: 10, AddPartitionsToTxn: 24, AddOffsetsToTxn: 25, EndTxn: 26, TxnOffsetCommit: 28,
} as const;
export type ApiName = keyof typeof API;

export type Request = { readonly api: number; readonly version: number; readonly correlation: number };
/** Where a client is to find a broker. */
export type Route = (nodeId: number) => { readonly host: string; readonly port: number };

/** Cuts a stream of bytes into frames, each with its size before it. */
export class Frames {
  #held: Buffer[] = [];
  #length = 0;

  push(bytes: Buffer): Buffer[] {
    this.#held.push(bytes);
    this.#length += bytes.length;
    const frames: Buffer[] = [];
    for (let wanted = this.#wanted(); wanted !== null && wanted <= this.#length; wanted = this.#wanted()) {
      const all = this.#whole();
      frames.push(all.subarray(0, wanted));
      this.#held = [all.subarray(wanted)];
      this.#length -= wanted;
    }
    return frames;
  }

  /** The next frame's length; null while its size hasn't come. */
  #wanted(): number | null {
    if (this.#length < SIZE_BYTES) return null;
    const [first] = this.#held;
    return SIZE_BYTES + (first !== undefined && first.length >= SIZE_BYTES ? first : this.#whole()).readInt32BE(0);
  }

  #whole(): Buffer {
    const [first] = this.#held;
    if (this.#held.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#held);
    this.#held = [all];
    return all;
  }
}

export function requestOf(frame: Buffer): Request {
  return { api: frame.readInt16BE(4), version: frame.readInt16BE(6), correlation: frame.readInt32BE(8) };
}

export function correlationOf(answer: Buffer): number {
  return answer.readInt32BE(4);
}

/** The answer with the brokers' addresses replaced. Throws RangeError for a version that can't be read here. */
export function redirected(answer: Buffer, { api, version }: Request, route: Route): Buffer {
  if (api === API.Metadata) return withBrokers(answer, version, route);
  if (api === API.FindCoordinator) return withCoordinator(answer, version, route);
  return answer;
}

/** v0: brokers (id, host, port); from v1 on each with a rack; from v3 on behind a throttle time. */
function withBrokers(answer: Buffer, version: number, route: Route): Buffer {
  checkVersion('Metadata', version, LAST_PLAIN.metadata);
  const begin = 8 + (version >= 3 ? 4 : 0);
  const count = answer.readInt32BE(begin);
  const brokers: Buffer[] = [];
  let at = begin + 4;
  for (let number = 0; number < count; number += 1) {
    const id = answer.readInt32BE(at);
    at = afterText(answer, at + 4) + 4;
    const rack = at;
    if (version >= 1) at = afterText(answer, at);
    brokers.push(brokerOf(id, route), answer.subarray(rack, at));
  }
  return sized([answer.subarray(4, begin + 4), ...brokers, answer.subarray(at)]);
}

/** v0: error, then the broker; from v1 on a throttle time first and a message behind the error. */
function withCoordinator(answer: Buffer, version: number, route: Route): Buffer {
  checkVersion('FindCoordinator', version, LAST_PLAIN.findCoordinator);
  const error = 8 + (version >= 1 ? 4 : 0);
  const begin = version >= 1 ? afterText(answer, error + 2) : error + 2;
  const id = answer.readInt32BE(begin);
  if (id < 0) return answer;
  return sized([answer.subarray(4, begin), brokerOf(id, route)]);
}

function checkVersion(name: ApiName, version: number, last: number): void {
  if (version > last) throw new RangeError(`expected ${name} up to version ${last}; got ${version}`);
}

function brokerOf(id: number, route: Route): Buffer {
  const { host, port } = route(id);
  const made = Buffer.alloc(4 + 2 + host.length + 4);
  made.writeInt32BE(id, 0);
  made.writeInt16BE(host.length, 4);
  made.write(host, 6, 'latin1');
  made.writeInt32BE(port, 6 + host.length);
  return made;
}

/** Behind a text that may be null. */
function afterText(bytes: Buffer, at: number): number {
  return at + 2 + Math.max(0, bytes.readInt16BE(at));
}

function sized(parts: readonly Buffer[]): Buffer {
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeInt32BE(parts.reduce((sum, { length }) => sum + length, 0));
  return Buffer.concat([size, ...parts]);
}
