// The lives of the made-up orders: what an order's records, timers and signals were, with the words that explain them.

import { decimal as exact, type LifeDeadline, type LifeEvent, type OrderLife, type Signal } from '@fillstream/client';
import type { Plan } from './dashboard-world.ts';

const GRACE_MS = 5_000;
const TIMEOUT_MS = 300_000;
const QUIET_MS = 2_000;
const FINISHED_MS = 600_000;
/** From the exchange's time to the stream's. */
const ON_ITS_WAY_MS = 60;
const STATUS = { kind: 'status', place: 'order-updates/2/51020' } as const;

export function lifeOf(plan: Plan, signals: readonly Signal[]): OrderLife {
  const { address, oid, trigger } = plan;
  const { events, toldAt } = endOf(plan);
  const told = signals.map((signal): LifeEvent => ({
    kind: 'signal', at: toldAt, signal, place: 'signals/2/40077', deadline: null,
    why: `went out with ${String(signal.fillCount)} fills: \`${signal.direction} ${signal.side}\``,
  }));
  return {
    address, oid, streamTime: toldAt + 4_000,
    about: 'folded again out of fills/2 and order-updates/2, from offset 81,200 on',
    now: trigger === 'complete' ? 'the order is over, and all of it has been told' : 'what is known has been told; a late fill would make a revision',
    events: [...fillsOf(plan), ...events, ...told],
    coming: [{ at: toldAt + FINISHED_MS, what: 'finished', trigger: null }],
  };
}

function fillsOf(plan: Plan): readonly LifeEvent[] {
  const { fills, coin, isBuy } = plan;
  const deadline = waitOf(plan);
  return fills.map(({ at, px, sz }, place) => ({
    kind: 'fill', at: at + ON_ITS_WAY_MS, time: at, place: `fills/2/${String(81_200 + place)}`,
    side: isBuy ? 'B' : 'A', px: decimal(px, coin.pxDecimals), sz: decimal(sz, coin.szDecimals), dir: isBuy ? 'Open Long' : 'Close Long',
    why: place === 0 ? 'the first fill of the order: its end is waited for' : 'counted: nothing is told before the order is over',
    deadline,
  }));
}

/** What the fills wait for. */
function waitOf({ trigger, fills }: Plan): LifeDeadline {
  const from = (trigger === 'quiet' ? fills.at(-1)?.at : fills[0]?.at) ?? 0;
  if (trigger === 'quiet') return { at: from + ON_ITS_WAY_MS + QUIET_MS, what: 'quiet', trigger };
  return { at: from + ON_ITS_WAY_MS + TIMEOUT_MS, what: 'timeout', trigger: 'timeout' };
}

/** A status, a timer, or both, and when it was told. */
function endOf(plan: Plan): { readonly events: readonly LifeEvent[]; readonly toldAt: number } {
  const { trigger, fills, coin } = plan;
  const at = (fills.at(-1)?.at ?? 0) + ON_ITS_WAY_MS + 80;
  const size = decimal(fills.reduce((sum, { sz }) => sum + sz, 0n), coin.szDecimals);
  if (trigger === 'complete') {
    const why = 'kept: the fills add up to what `filled` says, so the signal is due at once';
    return { toldAt: at, events: [{ ...STATUS, at, status: 'filled', sz: '0', origSz: size, why, deadline: null }] };
  }
  const toldAt = trigger === 'grace' ? at + GRACE_MS : waitOf(plan).at;
  const timer: LifeEvent = { kind: 'timer', at: toldAt, what: trigger, why: 'the wait is over: what is there is told', deadline: null };
  if (trigger !== 'grace') return { toldAt, events: [timer] };
  const deadline: LifeDeadline = { at: toldAt, what: 'grace', trigger };
  const why = 'kept: `canceled` says that more was filled, so the missing fills have five seconds to come';
  return { toldAt, events: [{ ...STATUS, at, status: 'canceled', sz: size, origSz: exact.add(size, exact.add(size, size)), why, deadline }, timer] };
}

/** `value` with its last `scale` digits behind the point. */
export function decimal(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale).replace(/0+$/, '')];
  return `${value < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
