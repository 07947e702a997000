// The signals that a processor emitted in a stretch of a partition's history, in their order.
//
// E1  What a replay wrote onto the topic is none of them: it says so in a header.
// E2  The same bytes again, soon after, are a repeat (at least once) and left out.
// E3  What the commits didn't count is somebody else's, and handed over at the end of history, as it can't be told from the rest.

import { crc32 } from 'node:zlib';
import type { IHeaders } from 'kafkajs';
import type { FetchedRecord } from './backlog.ts';
import type { Plan } from './replay-plan.ts';
import type { TopicRun } from './replay-reader.ts';
import type { WireFormat } from './wire-format.ts';

/** Of the header by which a replay marks what it writes. */
export const REPLAY_HEADER = 'replay';
/** A crash repeats what was under way: a batch, or some in a row. */
const REMEMBERED = 16_384;

export type EmittedOptions = {
  readonly run: TopicRun;
  readonly format: WireFormat | undefined;
  readonly plan: Plan;
  /** No processor writes meanwhile: what is left at the end of history is looked at too (E3). */
  readonly isQuiet: boolean;
};

export class EmittedSignals {
  readonly #options: EmittedOptions;
  readonly #recent = new Recent();
  /** Signals met, from the beginning of history. */
  #place = 0;
  #repeats = 0;
  #next = 0;
  #ended = false;

  constructor(options: EmittedOptions) {
    this.#options = options;
  }

  /** Left out so far (E2). */
  get repeats(): number {
    return this.#repeats;
  }

  /** The offset behind the last signal that was counted. */
  get next(): number {
    return this.#next;
  }

  /** The next `count` signals' bodies, null for one that can't be read; fewer only at the end. Throws PortError. */
  async take(count: number): Promise<(Buffer | null)[]> {
    const { format } = this.#options;
    const values: (Buffer | null)[] = [];
    while (values.length < count && !this.#ended) {
      const message = await this.#nextSignal();
      if (message !== null) values.push(message.value);
    }
    await format?.learn(values);
    return values.map((value) => format?.unframe(value) ?? null);
  }

  /** The next signal of the stretch; null when there is none. */
  async #nextSignal(): Promise<FetchedRecord | null> {
    const { run, plan: { from, to, signalsBehind }, isQuiet } = this.#options;
    const goesOn = isQuiet && signalsBehind !== null;
    while (this.#place < to.signals || goesOn) {
      const message = await run.next();
      if (message === null) break;
      if (!this.#counts(message)) continue;
      this.#place += 1;
      this.#next = message.offset + 1;
      if (this.#place <= from.signals) continue;
      if (this.#place <= to.signals || this.#place > to.signals + (signalsBehind ?? 0)) return message;
    }
    this.#ended = true;
    return null;
  }

  #counts({ headers, value }: FetchedRecord): boolean {
    if (isOfReplay(headers)) return false;
    if (value === null || !this.#recent.has(value)) return true;
    this.#repeats += 1;
    return false;
  }
}

function isOfReplay(headers: IHeaders): boolean {
  return headers[REPLAY_HEADER] !== undefined;
}

/** The last values. */
class Recent {
  /** By checksum, the oldest first. */
  readonly #values = new Map<number, Buffer>();

  /** Whether it was among them; it is now. */
  has(value: Buffer): boolean {
    const key = crc32(value);
    const isHeld = this.#values.get(key)?.equals(value) === true;
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > REMEMBERED) for (const oldest of this.#values.keys().take(1)) this.#values.delete(oldest);
    return isHeld;
  }
}
