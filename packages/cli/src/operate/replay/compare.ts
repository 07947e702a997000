// Signals that were emitted, beside those of a replay: what is the same, and what isn't.
//
//   both have it, byte for byte                       same
//   the last ones of an id have the same totals       otherRevisions: another way to the same
//   one of the same id and revision, other fields     changed
//   emitted then, and not by the replay               missing
//   by the replay, and not then                       extra
//
// C1  Both come in about the same order: what has no counterpart yet is held, by id, and let go when it comes.
// C2  At most HELD_IDS are held: beyond it the one held longest is judged by what has come.

import type { Signal as FoldSignal } from '@fillstream/core';
import { decodeSignal, encodeSignal, type Signal } from '@fillstream/schemas';

export type FieldChange = { readonly emitted: unknown; readonly replayed: unknown };

type Named = { readonly id: string; readonly revision: number };

export type Difference =
  | Named & { readonly kind: 'changed'; readonly fields: Readonly<Record<string, FieldChange>> }
  | Named & { readonly kind: 'missing' | 'extra'; readonly signal: Signal }
  | Pick<Named, 'id'> & { readonly kind: 'otherRevisions'; readonly emitted: readonly Step[]; readonly replayed: readonly Step[] }
  /** A record on the topic that is no signal. */
  | { readonly kind: 'unreadable' };

/** How a signal came about. */
export type Step = Pick<Signal, 'revision' | 'trigger' | 'orderStatus' | 'complete' | 'fillCount'>;

type Version = { readonly signal: Signal; readonly body: Buffer };
type Side = 'emitted' | 'replayed';

/** An id of which one side has something that the other hasn't. */
type Held = {
  readonly emitted: Version[];
  readonly replayed: Version[];
  /** The highest revision since it is held. */
  readonly last: Record<Side, Version | null>;
};

const HELD_IDS = 50_000;
const OTHER: Record<Side, Side> = { emitted: 'replayed', replayed: 'emitted' };
/** What another way to the same totals may say otherwise (contract §9). */
const OF_THE_WAY: ReadonlySet<string> = new Set(['revision', 'trigger', 'orderStatus', 'complete']);

/** The signals of one partition. */
export class Comparison {
  readonly #held = new Map<string, Held>();
  readonly #heldIds: number;
  #same = 0;

  constructor(heldIds = HELD_IDS) {
    this.#heldIds = heldIds;
  }

  /** Pairs of equal signals so far. */
  get same(): number {
    return this.#same;
  }

  /** The next of both sides, as bodies and as signals, in their order; gives what is judged by now. */
  add(emitted: readonly (Buffer | null)[], replayed: readonly FoldSignal[]): Difference[] {
    const differences: Difference[] = [];
    for (let place = 0; place < Math.max(emitted.length, replayed.length); place += 1) {
      const [then, now] = [emitted[place] ?? null, replayed[place]];
      const body = now === undefined ? null : encodeSignal(now);
      if (now !== undefined && body !== null && then?.equals(body) === true) {
        this.#pair(now, body);
        continue;
      }
      if (then !== null) differences.push(...this.#addBody('emitted', then));
      else if (place < emitted.length) differences.push({ kind: 'unreadable' });
      if (now !== undefined && body !== null) this.#hold('replayed', { signal: now, body });
    }
    return differences.concat(this.#judgeBeyond(this.#heldIds));
  }

  /** The next that came out now, as they lie on another topic. */
  addReplayed(bodies: readonly (Buffer | null)[]): Difference[] {
    return bodies.flatMap((body) => (body === null ? [{ kind: 'unreadable' } as const] : this.#addBody('replayed', body)))
      .concat(this.#judgeBeyond(this.#heldIds));
  }

  /** Judges all that is held. */
  end(): Difference[] {
    return this.#judgeBeyond(0);
  }

  /** The same on both sides at once: the usual case. */
  #pair(signal: Signal, body: Buffer): void {
    this.#same += 1;
    const held = this.#held.get(signal.id);
    if (held === undefined) return;
    raise(held, 'emitted', { signal, body });
    raise(held, 'replayed', { signal, body });
  }

  #addBody(side: Side, body: Buffer): Difference[] {
    try {
      this.#hold(side, { signal: decodeSignal(body), body });
      return [];
    } catch {
      return [{ kind: 'unreadable' }]; // No body of the schema that its header names.
    }
  }

  #hold(side: Side, version: Version): void {
    const { id } = version.signal;
    const held = this.#held.get(id) ?? { emitted: [], replayed: [], last: { emitted: null, replayed: null } };
    this.#held.set(id, held);
    raise(held, side, version);
    const others = held[OTHER[side]];
    const place = others.findIndex(({ body }) => body.equals(version.body));
    if (place < 0) {
      held[side].push(version);
      return;
    }
    others.splice(place, 1);
    this.#same += 1;
    if (held.emitted.length + held.replayed.length === 0) this.#held.delete(id);
  }

  #judgeBeyond(limit: number): Difference[] {
    const differences: Difference[] = [];
    for (const [id, held] of this.#held) {
      if (this.#held.size <= limit) break;
      this.#held.delete(id);
      differences.push(...judged(id, held));
    }
    return differences;
  }
}

function raise({ last }: Held, side: Side, version: Version): void {
  if (version.signal.revision >= (last[side]?.signal.revision ?? 0)) last[side] = version;
}

function judged(id: string, { emitted, replayed, last }: Held): Difference[] {
  if (last.emitted !== null && last.replayed !== null && haveSameTotals(last.emitted.signal, last.replayed.signal)) {
    return [{ kind: 'otherRevisions', id, emitted: emitted.map(stepOf), replayed: replayed.map(stepOf) }];
  }
  const left = [...replayed];
  const differences = emitted.map(({ signal }): Difference => {
    const { revision } = signal;
    const place = left.findIndex((other) => other.signal.revision === revision);
    const [twin] = place < 0 ? [] : left.splice(place, 1);
    if (twin === undefined) return { kind: 'missing', id, revision, signal };
    return { kind: 'changed', id, revision, fields: changesOf(signal, twin.signal) };
  });
  return [...differences, ...left.map(({ signal }): Difference => ({ kind: 'extra', id, revision: signal.revision, signal }))];
}

function stepOf({ signal: { revision, trigger, orderStatus, complete, fillCount } }: Version): Step {
  return { revision, trigger, orderStatus, complete, fillCount };
}

function haveSameTotals(emitted: Signal, replayed: Signal): boolean {
  return Object.keys(changesOf(emitted, replayed)).every((name) => OF_THE_WAY.has(name));
}

function changesOf(emitted: Signal, replayed: Signal): Record<string, FieldChange> {
  const now = new Map<string, unknown>(Object.entries(replayed));
  return Object.fromEntries(Object.entries(emitted)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(now.get(name)))
    .map(([name, value]: [string, unknown]) => [name, { emitted: value, replayed: now.get(name) }]));
}
