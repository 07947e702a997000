// A process that whoever runs it keeps running: one that ends by itself is started again.
//
// K1  What a deed killed stays away until it is started.
// K2  What each life said is in a file of its own once it has ended.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StackProcess } from '@fillstream/stack';
import type { Ended, Running } from '../../end-to-end/command.ts';

const AGAIN_MS = 1_000;
const TOLD_LINES = 3;
const STARTS = 5;

export class Kept {
  readonly name: string;
  /** How it ended by itself, each time. */
  readonly ends: string[] = [];
  readonly #folder: string;
  readonly #make: () => Running;
  #running: Running | null = null;
  #isWanted = false;
  #lives = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, folder: string, make: () => Running) {
    this.name = name;
    this.#folder = folder;
    this.#make = make;
  }

  start(): void {
    this.#isWanted = true;
    clearTimeout(this.#timer);
    if (this.#running !== null) return;
    const running = this.#make();
    this.#running = running;
    this.#lives += 1;
    const life = this.#lives;
    void running.ended.then((ended) => this.#over(ended, life));
  }

  /** Asks it to end, and resolves with how it did; null when it didn't run. */
  async stop(): Promise<Ended | null> {
    this.#isWanted = false;
    this.signal('SIGTERM');
    return await (this.#running?.ended ?? null);
  }

  async kill(): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await this.#running?.ended;
  }

  signal(name: NodeJS.Signals): void {
    this.#running?.kill(name);
  }

  #over({ code, signal, stderr }: Ended, life: number): void {
    this.#running = null;
    writeFileSync(join(this.#folder, `${this.name}.${String(life)}.log`), stderr);
    if (!this.#isWanted) return;
    const last = stderr.trimEnd().split('\n').slice(-TOLD_LINES).join(' | ');
    this.ends.push(`${this.name} ended by ${signal ?? `exit ${String(code)}`}: ${last}`);
    this.#timer = setTimeout(() => this.start(), AGAIN_MS);
  }
}

/** Starts a server, and again when it ends before it is ready: so would whoever runs it. */
export async function startedAgain(server: StackProcess): Promise<void> {
  for (let left = STARTS; ; left -= 1) {
    try {
      await server.start();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(AGAIN_MS);
    }
  }
}
