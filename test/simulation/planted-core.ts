// Bugs for the fold and the loop around it: what the contract says, gone wrong in one place.

import type { Planted } from './planted.ts';

const CORE = 'packages/core/src/';
const RUNTIME = 'packages/runtime/src/';

/** In the fold: wrong signals, whatever the faults. */
export const FOLD_BUGS: readonly Planted[] = [
  {
    name: 'no dedupe: a fill that comes again counts again', file: `${CORE}order.ts`,
    was: "return same ? 'duplicate' : 'conflict';", becomes: "return same ? 'new' : 'conflict';",
  },
  {
    name: 'fills without a tid are all the same fill', file: `${CORE}order.ts`,
    was: 'if (fill.tid !== 0) return fill.tid;', becomes: 'return fill.tid;',
  },
  {
    name: 'a fill at the horizon is news', file: `${CORE}partition.ts`,
    was: 'if (fill.time > (profile.horizon ?? -Infinity)) return null;',
    becomes: 'if (fill.time >= (profile.horizon ?? -Infinity)) return null;',
  },
  {
    name: 'a late fill of a finished order begins a new one', file: `${CORE}partition.ts`,
    was: "    return this.#refuse('late');", becomes: '    return null;',
  },
  {
    name: 'tracker cleared by the first leg: a reversal tells of its close alone', file: `${CORE}partition.ts`,
    was: 'for (const totals of order.ledger.legs) {', becomes: 'for (const totals of order.ledger.legs.slice(0, 1)) {',
  },
  {
    name: 'timer on wall clock', file: `${CORE}partition.ts`,
    was: 'fireNext(signals: Signal[], until: number = this.state.now)',
    becomes: 'fireNext(signals: Signal[], until: number = Math.max(this.state.now, Date.now()))',
  },
  {
    name: 'flush on the first fill after a parked status', file: `${CORE}partition.ts`,
    was: "order.kind === 'pending' && triggerOf(order) === 'complete'",
    becomes: "order.kind === 'pending' && ['complete', 'grace'].includes(triggerOf(order))",
  },
  {
    name: 'size-0 open leg: a full close opens the other side', file: `${CORE}leg.ts`,
    was: "compare(sz, absolute(startPosition)) <= 0 ? 'close'", becomes: "compare(sz, absolute(startPosition)) < 0 ? 'close'",
  },
  {
    name: 'float sums', file: `${CORE}totals.ts`, was: '  totals.notional = add(totals.notional, multiply(fill.px, part.size));',
    becomes: `  const float = ({ units, scale }: Decimal): number => Number(units) / 10 ** scale;
  const sum = float(totals.notional) + float(multiply(fill.px, part.size));
  totals.notional = { units: BigInt(Math.round(sum * 1e9)), scale: 9 };`,
  },
  {
    name: 'at a tie of statuses the last one wins', file: `${CORE}status.ts`,
    was: "  if (held.status === 'filled') return 'loses';\n", becomes: "  if (held.status !== next.status) return 'wins';\n",
  },
  {
    name: 'stream time is the greatest of the clocks', file: `${CORE}partition-state.ts`,
    was: '    else return;\n    this.#now = Math.min(...this.#clocks);',
    becomes: '    else return;\n    this.#now = Math.max(...this.#clocks);',
  },
  {
    name: 'timers of one deadline fire in another order of addresses', file: `${CORE}timers.ts`,
    was: 'return slot.address < otherSlot.address;', becomes: 'return slot.address > otherSlot.address;',
  },
];

/** In the state and its stored form: wrong once something was evicted, restored or replayed. */
export const STATE_BUGS: readonly Planted[] = [
  {
    name: 'what was reported is not stored', file: `${RUNTIME}state-codec.ts`,
    was: 'reportedFills: leg.reported,', becomes: 'reportedFills: 0,',
  },
  {
    name: 'revisions begin anew after a restore', file: `${RUNTIME}state-codec.ts`,
    was: 'revision: leg.revision,', becomes: 'revision: 0,',
  },
  {
    name: 'the horizon is not stored', file: `${RUNTIME}state-codec.ts`,
    was: 'v: FORMAT_VERSION, horizon, account:', becomes: 'v: FORMAT_VERSION, horizon: null, account:',
  },
  {
    name: 'identities of a restored order are forgotten', file: `${RUNTIME}state-codec.ts`,
    was: 'new Map(ledger.seen.map(', becomes: 'new Map(ledger.seen.slice(0, 0).map(',
  },
  {
    name: 'a finished order stays in the store', file: `${RUNTIME}checkpointer.ts`,
    was: 'return stored.delete(slot) ? { address, oid, deadline: 0, body: null } : [];', becomes: 'return [];',
  },
  {
    name: 'an address that has no profile in memory begins anew', file: `${CORE}partition-state.ts`,
    was: 'profile: this.#elsewhere ? null : newProfile()', becomes: 'profile: newProfile()',
  },
];

/** In the loop and its take-over: wrong where a crash, a zombie or a replay falls between two steps. */
export const LOOP_BUGS: readonly Planted[] = [
  {
    name: 'checkpoint before the log commit', file: `${RUNTIME}loop.ts`,
    was: '    await this.#committing;\n    await this.#beginCheckpoint();\n    if (',
    becomes: '    await this.#beginCheckpoint();\n    if (',
  },
  {
    name: 'a commit without an answer is sent again', file: `${RUNTIME}loop.ts`,
    was: 'this.#committing = this.#owned.log.commit(commit).then(() => {',
    becomes: 'this.#committing = this.#owned.log.commit(commit).catch(() => this.#owned.log.commit(commit)).then(() => {',
  },
  {
    name: 'a commit that failed is taken for done', file: `${RUNTIME}loop.ts`,
    was: 'this.#committing = this.#owned.log.commit(commit).then(() => {',
    becomes: 'this.#committing = this.#owned.log.commit(commit).catch(() => undefined).then(() => {',
  },
  {
    name: 'merge not recorded: runs of a topic are summed', file: `${RUNTIME}decide.ts`,
    was: 'const run = this.#merge.at(-1);', becomes: 'const run = this.#merge.find(({ topic }) => topic === record.topic);',
  },
  {
    name: 'emission in a replay', file: `${RUNTIME}decide.ts`,
    was: '  const { to } = decide(partition, inputs, from, records, Infinity).commit;\n',
    becomes: `  const { to, signals } = decide(partition, inputs, from, records, Infinity).commit;
  REPEATED.set(partition, [...REPEATED.get(partition) ?? [], ...signals]);
`,
    more: [
      { was: 'class BatchFold {', becomes: 'const REPEATED = new WeakMap<Partition, Signal[]>();\n\nclass BatchFold {' },
      {
        was: '    this.#timersLeft = maxTimers;\n',
        becomes: `    this.#timersLeft = maxTimers;
    if (maxTimers !== Infinity) this.signals.push(...REPEATED.get(partition)?.splice(0) ?? []);
`,
      },
    ],
  },
  {
    name: 'a replay leaves out the timers after the last record', file: `${RUNTIME}decide.ts`,
    was: '  if (left <= 0) return to;', becomes: '  if (left <= 0 || partition.state.now > 0) return commit.to;',
  },
  {
    name: 'a replay does not move the clocks as they were moved', file: `${RUNTIME}decide.ts`,
    was: 'for (const [clock, time] of commit.clocks.entries()) partition.state.advance(clock, time);', becomes: '',
  },
  {
    name: 'refused records are not in the history', file: `${RUNTIME}decide.ts`,
    was: "if (outcome.kind === 'refused') this.#refused.push({ reason: outcome.reason, record });",
    becomes: `if (outcome.kind === 'refused') {
      this.#refused.push({ reason: outcome.reason, record });
      return;
    }`,
  },
  { name: 'wrong partitioner mask', file: `${RUNTIME}partitioner.ts`, was: '& 0x7fffffff)', becomes: '>>> 0)' },
  {
    name: 'the profile of an address is not fetched for a timer alone', file: `${RUNTIME}checkpointer.ts`,
    was: 'for (const { address } of orders) if (state.lacksProfile(address)) addresses.add(address);', becomes: '',
  },
  {
    name: 'what was taken from a batch that was cut is decided again', file: `${RUNTIME}loop.ts`,
    was: 'this.#pending = this.#pending.slice(decision.taken);',
    becomes: 'this.#pending = this.#pending.slice(Math.max(0, decision.taken - 1), -1);',
  },
];
