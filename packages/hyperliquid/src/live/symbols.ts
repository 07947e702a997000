// Display names: `HYPE/USDC` for the spot pair `@107`. A perp's coin is its name.
//
// Y1  A pair is matched by its `index` and `name`, a token by its `index`: never by the place in an array.
// Y2  A name that isn't known is told once, asked for again soon, and goes without a symbol meanwhile.

import type { OnEvent } from './events.ts';
import { isObject } from './frames.ts';
import { PRIORITY, type InfoClient } from './info.ts';
import type { Json } from './ports.ts';
import type { Periods } from './settings.ts';
import { isStopped, sleep } from './waiting.ts';

export type SymbolsOptions = {
  readonly info: InfoClient;
  readonly periods: Periods;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
};

/** A refresh for an unknown name comes no sooner than this part of the period after the last. */
const SOON = 1 / 60;
const GREATEST_UNKNOWN = 10_000;

export class Symbols {
  readonly #options: SymbolsOptions;
  #pairs: ReadonlyMap<string, string> = new Map();
  #perps: ReadonlySet<string> | null = null;
  readonly #unknown = new Set<string>();
  #wake = new AbortController();

  constructor(options: SymbolsOptions) {
    this.#options = options;
  }

  /** Names that were asked for and not known, so far. */
  get unknown(): number {
    return this.#unknown.size;
  }

  /** The display name of a coin where it has another than itself. */
  symbolOf(coin: unknown): string | undefined {
    if (typeof coin !== 'string') return undefined;
    const symbol = this.#pairs.get(coin);
    if (symbol === undefined && !this.#isPlain(coin)) this.#miss(coin);
    return symbol === coin ? undefined : symbol;
  }

  /** Asks for the names. Throws InfoError, or the signal's reason. */
  async load(): Promise<void> {
    const { info, signal } = this.#options;
    const [meta, spotMeta] = await Promise.all([
      info.meta({ priority: PRIORITY.symbols, signal }), info.spotMeta({ priority: PRIORITY.symbols, signal }),
    ]);
    this.#perps = perpsOf(meta);
    this.#pairs = pairsOf(spotMeta);
  }

  /** Asks again each period, until the signal. */
  async keepFresh(): Promise<void> {
    const { periods: { symbolsMs }, signal } = this.#options;
    while (!isStopped(signal)) {
      await sleep(symbolsMs * SOON, signal);
      await sleep(this.#pairs.size === 0 ? 0 : symbolsMs * (1 - SOON), AbortSignal.any([signal, this.#wake.signal]));
      this.#wake = new AbortController();
      await this.load().catch(() => undefined); // Told by the client; the names of before still hold.
    }
  }

  /** Perps of the first dex are listed; those of others, and outcomes, have names of their own making. */
  #isPlain(coin: string): boolean {
    return this.#perps === null ? !coin.startsWith('@') : /[:#+]/.test(coin) || this.#perps.has(coin);
  }

  #miss(coin: string): void {
    if (this.#unknown.has(coin) || this.#unknown.size >= GREATEST_UNKNOWN) return;
    this.#unknown.add(coin);
    this.#options.onEvent({ kind: 'unknownCoin', coin });
    this.#wake.abort();
  }
}

function perpsOf(meta: Json): ReadonlySet<string> {
  return new Set(objectsAt(meta, 'universe').flatMap(({ name }) => (typeof name === 'string' ? [name] : [])));
}

function pairsOf(spotMeta: Json): ReadonlyMap<string, string> {
  const tokens = new Map(objectsAt(spotMeta, 'tokens').map(({ index, name }) => [index, name]));
  const pairs = new Map<string, string>();
  for (const pair of objectsAt(spotMeta, 'universe')) {
    const { name, index } = pair;
    const [base, quote] = Array.isArray(pair['tokens']) ? pair['tokens'].map((token) => tokens.get(token)) : [];
    if (typeof name !== 'string' || typeof base !== 'string' || typeof quote !== 'string') continue;
    pairs.set(name, `${base}/${quote}`);
    if (typeof index === 'number') pairs.set(`@${index}`, `${base}/${quote}`);
  }
  return pairs;
}

function objectsAt(value: Json, field: string): readonly Json[] {
  const list: unknown = value[field];
  return Array.isArray(list) ? list.filter(isObject) : [];
}
