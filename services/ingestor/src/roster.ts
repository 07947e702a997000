// Who watches what: the watchlist, shared among the ingestors of a consumer group, and with it whose ticks each partition gets.
//
// R1  The group's leader shares by the watchlist that it has followed; whenever the two differ, it has it shared anew.
// R2  What nobody has room for is told by the leader, and by it alone; not what only waits for others that are joining.

import { TopicTail, WorkGroup, sharePartitions, type KafkaOptions } from '@fillstream/kafka';
import type { PortError } from '@fillstream/runtime';
import { share, type Member } from './share.ts';
import { Watchlist } from './watchlist.ts';

/** What this ingestor is to do: addresses to watch, partitions to tell the time. */
export type Assignment = { readonly addresses: readonly string[]; readonly ticks: readonly number[] };

export type RosterOptions = {
  readonly kafka: KafkaOptions;
  /** Addresses that this ingestor can watch. */
  readonly capacity: number;
  /** Of each topic. */
  readonly partitions: number;
  readonly sessionTimeoutMs?: number;
  /** Told of every assignment, also of one that is as before. */
  readonly onAssigned: (assignment: Assignment) => void;
  /** Told by the leader, whenever they are others than before. */
  readonly onNoRoom?: (addresses: readonly string[]) => void;
  readonly onTrouble?: (message: string) => void;
  /** Told of what ends the membership for good. */
  readonly onFailure: (error: PortError) => void;
};

export type RosterStatus = {
  readonly isLeader: boolean;
  /** Addresses on the watchlist. */
  readonly listed: number;
  /** Of those, how many nobody has room for; known to the leader alone. */
  readonly withoutRoom: number;
  /** When the group last answered (`performance.now()`); null before the first answer. */
  readonly answeredAt: number | null;
};

type Claim = Assignment & { readonly capacity: number };

/** Whoever changes a watchlist often changes more than one address. */
const CHANGES_MS = 1_000;
const AGAIN_MS = 1_000;
const JOINING_MS = 2_000;

export class Roster {
  readonly #options: RosterOptions;
  readonly #watchlist = new Watchlist();
  /** What this ingestor was given last. */
  #assignment: Assignment = { addresses: [], ticks: [] };
  /** What was last shared here; null as long as others did. */
  #shared: { readonly addresses: ReadonlySet<string>; readonly left: readonly string[] } | null = null;
  #told = '';
  #tail: TopicTail | null = null;
  #group: WorkGroup | null = null;
  #timer: NodeJS.Timeout | null = null;
  #tellTimer: NodeJS.Timeout | undefined;
  #sharing: Promise<void> | null = null;
  #hasLeft = false;

  /** Resolves when the watchlist was read and the group has us. Throws PortError. */
  static async join(options: RosterOptions): Promise<Roster> {
    const roster = new Roster(options);
    await roster.#join();
    return roster;
  }

  private constructor(options: RosterOptions) {
    this.#options = options;
  }

  get status(): RosterStatus {
    const isLeader = this.#group?.isLeader === true;
    return {
      isLeader,
      listed: this.#watchlist.addresses.length,
      withoutRoom: isLeader ? this.#shared?.left.length ?? 0 : 0,
      answeredAt: this.#group?.answeredAt ?? null,
    };
  }

  /** The others get what is ours at once. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    clearTimeout(this.#tellTimer);
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#sharing;
    await Promise.all([this.#group?.leave(), this.#tail?.close()]);
  }

  async #join(): Promise<void> {
    const { kafka, sessionTimeoutMs, onFailure, onTrouble } = this.#options;
    this.#tail = await TopicTail.follow(kafka, 'watchlist', {
      onRecord: (record) => {
        const trouble = this.#watchlist.add(record);
        if (trouble !== null) onTrouble?.(trouble);
        this.#look();
      },
      onFailure,
    });
    try {
      this.#group = await WorkGroup.join({
        kafka, group: 'ingestor', topic: 'watchlist',
        ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
        claim: () => JSON.stringify({ capacity: this.#options.capacity, ...this.#assignment } satisfies Claim),
        share: (claims) => this.#share(claims),
        onShare: (text) => this.#assigned(text),
        onFailure,
      });
    } catch (error) {
      await this.#tail.close();
      throw error;
    }
  }

  #share(said: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const claims = [...said].flatMap(([name, text]) => {
      const claim = claimOf(text);
      return claim === null ? [] : [{ name, ...claim }];
    });
    const { addresses } = this.#watchlist;
    const { shares, left } = share(addresses, claims.map(({ name, capacity, addresses: watching }): Member => ({ name, capacity, watching })));
    const ticks = sharePartitions(claims.map(({ name, ticks: owned }) => ({ member: name, owned })), this.#options.partitions);
    this.#shared = { addresses: new Set(addresses), left };
    return new Map(claims.map(({ name }) => [name, JSON.stringify({ addresses: shares.get(name) ?? [], ticks: ticks.get(name) ?? [] } satisfies Assignment)]));
  }

  #assigned(text: string): void {
    const assignment = assignmentOf(text);
    if (assignment === null) {
      this.#options.onTrouble?.('the group\'s leader is another program than this: what it says can\'t be read, and nothing is changed');
      return;
    }
    this.#assignment = assignment;
    this.#options.onAssigned(assignment);
    clearTimeout(this.#tellTimer);
    this.#tellTimer = setTimeout(() => this.#tellLeft(), JOINING_MS);
    this.#look();
  }

  /** R2. */
  #tellLeft(): void {
    if (this.#hasLeft || this.#group?.isLeader !== true) return;
    const left = this.#shared?.left ?? [];
    if (left.join(' ') === this.#told) return;
    this.#told = left.join(' ');
    this.#options.onNoRoom?.(left);
  }

  /** R1. */
  #look(): void {
    if (this.#hasLeft || this.#timer !== null || !this.#isOutdated()) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#hasLeft || this.#sharing !== null || !this.#isOutdated()) return;
      this.#sharing = this.#shareAnew().finally(() => (this.#sharing = null));
    }, CHANGES_MS);
  }

  #isOutdated(): boolean {
    if (this.#group?.isLeader !== true || this.#shared === null) return false;
    const { addresses } = this.#watchlist;
    const { addresses: shared } = this.#shared;
    return addresses.length !== shared.size || addresses.some((address) => !shared.has(address));
  }

  async #shareAnew(): Promise<void> {
    try {
      await this.#group?.shareAnew();
    } catch (error) {
      this.#options.onTrouble?.(error instanceof Error ? error.message : String(error));
      setTimeout(() => this.#look(), AGAIN_MS);
    }
  }
}

function claimOf(text: string): Claim | null {
  const value = parsed(text);
  const assignment = assignmentIn(value);
  return assignment !== null && isObject(value) && Number.isSafeInteger(value['capacity']) ? { capacity: Number(value['capacity']), ...assignment } : null;
}

function assignmentOf(text: string): Assignment | null {
  return assignmentIn(parsed(text));
}

function assignmentIn(value: unknown): Assignment | null {
  if (!isObject(value)) return null;
  const { addresses, ticks }: { readonly addresses?: unknown; readonly ticks?: unknown } = value;
  if (!Array.isArray(addresses) || !Array.isArray(ticks)) return null;
  return {
    addresses: addresses.filter((address: unknown) => typeof address === 'string'),
    ticks: ticks.filter((partition: unknown) => typeof partition === 'number'),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
