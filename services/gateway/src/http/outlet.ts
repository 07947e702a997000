// One client's way out, however slowly it reads.
//
// O1  In memory there wait at most `bufferBytes`, one signal more of each subscription, and as much again of answers.
// O2  Once that much waits, no signal follows until the client has taken all of it; if that takes longer than `drainMs`, it's too slow.

import type { Limits } from './limits.ts';

export type OutletOptions = {
  readonly limits: Pick<Limits, 'bufferBytes' | 'drainMs'>;
  /** `onFlushed`: it and all before it have left this process. */
  readonly write: (text: string, onFlushed?: () => void) => void;
  readonly bufferedBytes: () => number;
  /** It has taken everything: signals may follow. */
  readonly onDrained: () => void;
  readonly onTooSlow: () => void;
};

export class Outlet {
  readonly #options: OutletOptions;
  /** Signals beyond the bound that haven't left yet. */
  #beyond = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** Signals wait for the client. */
  get isWaiting(): boolean {
    return this.#timer !== null;
  }

  get bufferedBytes(): number {
    return this.#options.bufferedBytes();
  }

  /** A signal. False: no more until `onDrained`. */
  offer(text: string): boolean {
    const { write, bufferedBytes, limits: { bufferBytes, drainMs }, onTooSlow } = this.#options;
    if (bufferedBytes() + text.length <= bufferBytes) {
      write(text);
      return true;
    }
    this.#beyond += 1;
    this.#timer ??= setTimeout(onTooSlow, drainMs);
    write(text, () => this.#flushed());
    return false;
  }

  /** Everything else, which no source can be asked to hold back. */
  answer(text: string): void {
    const { write, bufferedBytes, limits: { bufferBytes }, onTooSlow } = this.#options;
    if (bufferedBytes() > 2 * bufferBytes) onTooSlow();
    else write(text);
  }

  close(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #flushed(): void {
    this.#beyond -= 1;
    if (this.#beyond > 0 || this.#timer === null) return;
    this.close();
    this.#options.onDrained();
  }
}
