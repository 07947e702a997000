// Faults on command: what can go wrong, to whom, and how often.
//
//   asked for ──▶ standing ──hit──▶ … ──times hits, or clear()──▶ spent
//
// X1  A standing fault waits for what it needs (a frame, a subscription, a connection, a request) of its target.
// X2  One event meets at most one fault: of those that match, the first asked for.
// X3  Chance is the seed's.

import type { Random } from '../random.ts';
import type { JsonObject } from './json.ts';
import { isObject } from './json.ts';

/** What a fault waits for. Those of a connection strike at once, or with the frames of their target when chance is asked for. */
export type Stage = 'connection' | 'frame' | 'subscribe' | 'connect' | 'request';

type Kind = { readonly stage: Stage; /** ways to go wrong, the default first */ readonly how: readonly string[] };

const KINDS = {
  /** the TCP connection ends without a close frame; what was being sent is lost */
  cut: { stage: 'connection', how: ['reset', 'end'] },
  /** nothing is read or sent any more, and the socket stays */
  'half-open': { stage: 'connection', how: [] },
  /** `bytesPerSecond` (default 1,000), for `forMs` or for good */
  slow: { stage: 'connection', how: [] },
  /** a clean close, 1000 "Expired" */
  expire: { stage: 'connection', how: [] },
  /** the snapshots of `userFills` and `userTwapSliceFills` again */
  'repeat-snapshot': { stage: 'connection', how: [] },
  /** a frame that is none: in turn all of them, or the one named */
  rubbish: { stage: 'connection', how: ['any', 'binary', 'text', 'shape', 'deep', 'empty', 'utf8'] },
  /** a frame goes out after the next one, or after `forMs` (default 100) */
  reorder: { stage: 'frame', how: [] },
  duplicate: { stage: 'frame', how: [] },
  /** a frame never goes out, of any channel or of the one named; the connection stays */
  lose: { stage: 'frame', how: ['any', 'userFills', 'orderUpdates'] },
  /** half of a frame's text, as a whole message; or as its first fragment, and then a cut */
  truncate: { stage: 'frame', how: ['text', 'fragment'] },
  'error-reply': { stage: 'subscribe', how: [] },
  /** the subscription is ignored; or taken, and just not acknowledged */
  'missing-ack': { stage: 'subscribe', how: ['ignored', 'unanswered'] },
  /** an error that doesn't say of what */
  'limit-refusal': { stage: 'subscribe', how: [] },
  /** 503; no answer; or, for all clients and for REST too, no listener for `forMs` or until cleared */
  'refuse-connect': { stage: 'connect', how: ['503', 'hang', 'tcp'] },
  'rest-429': { stage: 'request', how: [] },
  'rest-500': { stage: 'request', how: [] },
  /** no answer, or a right one after `forMs` */
  'rest-hang': { stage: 'request', how: [] },
  /** half of the answer, as if it were whole; or then a cut */
  'rest-truncated': { stage: 'request', how: ['text', 'socket'] },
  /** status 200 and no JSON; or JSON of another shape */
  'rest-invalid': { stage: 'request', how: ['html', 'shape'] },
  /** status 200 and `[]`: it lies */
  'rest-empty': { stage: 'request', how: [] },
} as const satisfies Record<string, Kind>;

export type FaultKind = keyof typeof KINDS;
export type FaultHow = (typeof KINDS)[FaultKind]['how'][number];

export const FAULT_KINDS: ReadonlyMap<string, Kind> = new Map(Object.entries(KINDS));

/** All targets that are named have to match; none named is everybody. */
export type FaultOptions = {
  readonly connection?: number | undefined;
  readonly address?: string | undefined;
  readonly ip?: string | undefined;
  /** of REST: the request's `type` */
  readonly request?: string | undefined;
  readonly how?: string | undefined;
  /** hits until it is spent; default 1, without an end when there is a probability */
  readonly times?: number | undefined;
  /** from 0 to 1, at each event that matches */
  readonly probability?: number | undefined;
  /** how long it lasts, in real milliseconds */
  readonly forMs?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
};

/** What a fault may be aimed at; a connection has several addresses. */
export type Circumstances = {
  readonly ip: string;
  readonly connection?: number;
  readonly addresses: readonly string[];
  readonly request?: string;
  /** of a frame */
  readonly channel?: string;
};

/** A fault that was asked for. */
export type Fault = {
  readonly id: number;
  readonly kind: FaultKind;
  /** how often it struck */
  readonly hits: number;
  readonly clear: () => void;
};

export class Rule implements Fault {
  readonly id: number;
  readonly kind: FaultKind;
  readonly how: string;
  readonly options: FaultOptions;
  readonly #onClear: (rule: Rule) => void;
  #hits = 0;

  constructor(id: number, kind: FaultKind, options: FaultOptions, onClear: (rule: Rule) => void) {
    this.id = id;
    this.kind = kind;
    this.options = options;
    this.how = options.how ?? KINDS[kind].how[0] ?? '';
    this.#onClear = onClear;
  }

  get hits(): number {
    return this.#hits;
  }

  get stage(): Stage {
    return KINDS[this.kind].stage;
  }

  /** It strikes at once, and that is all. */
  get isImmediate(): boolean {
    return this.stage === 'connection' && this.options.times === undefined && this.options.probability === undefined;
  }

  get isSpent(): boolean {
    const { times = this.options.probability === undefined ? 1 : Infinity } = this.options;
    return this.#hits >= times;
  }

  hit(): void {
    this.#hits += 1;
  }

  matches({ ip, connection, addresses, request, channel }: Circumstances): boolean {
    const { options } = this;
    return (options.ip === undefined || options.ip === ip)
      && (options.connection === undefined || options.connection === connection)
      && (options.address === undefined || addresses.includes(options.address.toLowerCase()))
      && (options.request === undefined || options.request === request)
      && (this.kind !== 'lose' || this.how === 'any' || this.how === channel);
  }

  clear(): void {
    this.#onClear(this);
  }
}

export class Faults {
  readonly #random: Random;
  readonly #standing = new Set<Rule>();
  readonly #onClear: (rule: Rule) => void;
  #made = 0;

  constructor(random: Random, onClear: (rule: Rule) => void) {
    this.#random = random;
    this.#onClear = onClear;
  }

  get standing(): readonly Fault[] {
    return [...this.#standing];
  }

  /** Throws RangeError, naming what was expected. */
  add(kind: string, options: FaultOptions): Rule {
    this.#made += 1;
    const rule = new Rule(this.#made, checkedKind(kind, options), options, (cleared) => this.#clear(cleared));
    if (!rule.isImmediate) this.#standing.add(rule);
    return rule;
  }

  /** The fault that an event meets, counted; null when all goes well. */
  take(stages: readonly Stage[], circumstances: Circumstances): Rule | null {
    for (const rule of this.#standing) {
      if (rule.how === 'tcp' || !stages.includes(rule.stage) || !rule.matches(circumstances)) continue;
      const { probability } = rule.options;
      if (probability !== undefined && !this.#random.chance(probability)) continue;
      rule.hit();
      if (rule.isSpent) this.#standing.delete(rule);
      return rule;
    }
    return null;
  }

  /** One fault by its id, or all. */
  clear(id?: number): void {
    for (const rule of this.#standing) if (id === undefined || rule.id === id) rule.clear();
  }

  #clear(rule: Rule): void {
    this.#standing.delete(rule);
    this.#onClear(rule);
  }
}

function checkedKind(kind: string, options: FaultOptions): FaultKind {
  if (!isFaultKind(kind)) throw new RangeError(`expected a fault of ${Object.keys(KINDS).join(', ')}; got ${kind}`);
  const { how, times, probability, forMs, bytesPerSecond } = options;
  const ways: readonly string[] = KINDS[kind].how;
  if (how !== undefined && !ways.includes(how)) throw new RangeError(`expected how of ${kind}: ${ways.join(', ') || 'none'}; got ${how}`);
  expect(times === undefined || times >= 1, 'times: 1 or more', times);
  expect(probability === undefined || (probability >= 0 && probability <= 1), 'probability: from 0 to 1', probability);
  expect(forMs === undefined || forMs >= 0, 'forMs: 0 or more', forMs);
  expect(bytesPerSecond === undefined || bytesPerSecond > 0, 'bytesPerSecond: more than 0', bytesPerSecond);
  return kind;
}

function expect(condition: boolean, expected: string, actual: unknown): void {
  if (!condition) throw new RangeError(`expected ${expected}; got ${String(actual)}`);
}

export function isFaultKind(kind: string): kind is FaultKind {
  return FAULT_KINDS.has(kind);
}

const NUMBERS = ['connection', 'times', 'probability', 'forMs', 'bytesPerSecond'] as const;
const TEXTS = ['address', 'ip', 'request', 'how'] as const;

/** Options as they came by JSON. Throws RangeError for a field that is unknown or of another type. */
export function faultOptionsOf(value: unknown): FaultOptions {
  if (!isObject(value)) throw new RangeError('expected an object of options');
  for (const name of Object.keys(value)) {
    expect([...NUMBERS, ...TEXTS].some((known) => known === name), `options of ${[...NUMBERS, ...TEXTS].join(', ')}`, name);
  }
  const [connection, times, probability, forMs, bytesPerSecond] = NUMBERS.map((name) => numberAt(value, name));
  const [address, ip, request, how] = TEXTS.map((name) => textAt(value, name));
  return { connection, times, probability, forMs, bytesPerSecond, address, ip, request, how };
}

function numberAt(value: JsonObject, name: string): number | undefined {
  const field = value[name];
  if (field === undefined || typeof field === 'number') return field;
  throw new RangeError(`expected ${name}: a number`);
}

function textAt(value: JsonObject, name: string): string | undefined {
  const field = value[name];
  if (field === undefined || typeof field === 'string') return field;
  throw new RangeError(`expected ${name}: a text`);
}
