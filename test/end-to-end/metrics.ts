// The metrics of a service, as a scrape has them.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './command.ts';

const PATIENCE_MS = 60_000;
const POLL_MS = 100;

/** By name and labels as they stand in the text. */
export class Scrape {
  readonly #values: ReadonlyMap<string, number>;

  constructor(text: string) {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    this.#values = new Map(lines.map((line) => {
      const place = line.lastIndexOf(' ');
      return [line.slice(0, place), Number(line.slice(place + 1).replace('Inf', 'Infinity'))];
    }));
  }

  /** The sum over all series of a name that have these labels; NaN when there is none. */
  sum(name: string, ...labels: readonly string[]): number {
    const found = this.#of(name, labels);
    return found.length === 0 ? NaN : found.reduce((sum, [, value]) => sum + value, 0);
  }

  /** By the values of one label, summed; without those that are 0. */
  by(name: string, label: string): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const [series, value] of this.#of(name, [])) {
      const [, key = ''] = new RegExp(`[{,]${label}="([^"]*)"`).exec(series) ?? [];
      if (value !== 0) sums[key] = (sums[key] ?? 0) + value;
    }
    return sums;
  }

  /** But for the process' own, and buckets. */
  toString(): string {
    return [...this.#values].filter(([series]) => !/_bucket|_(?:nodejs|process)_/.test(series)).map(([series, value]) => `\n${series} ${String(value)}`).join('');
  }

  #of(name: string, labels: readonly string[]): [string, number][] {
    return [...this.#values].filter(([series]) => (series === name || series.startsWith(`${name}{`)) && labels.every((label) => series.includes(label)));
  }
}

/** Where a service serves its metrics, once it does; rejects when it ends before. */
export async function addressOf(running: Running): Promise<string> {
  const ended = running.ended.then(({ stderr }) => {
    throw new Error(`it ended: ${stderr}`);
  });
  ended.catch(() => undefined); // Only while it is awaited.
  return await Promise.race([running.heard(/serves (\S+)\/metrics/), ended]);
}

export async function scraped(url: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.status, 200);
  return new Scrape(await response.text());
}

/** The first scrape of which something is true. */
export async function scrapedWhen(url: string, what: string, isTrue: (scrape: Scrape) => boolean): Promise<Scrape> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const scrape = await scraped(url);
    if (isTrue(scrape)) return scrape;
    assert.ok(performance.now() < deadline, `still waiting until ${what}: ${scrape.toString()}`);
    await sleep(POLL_MS);
  }
}
