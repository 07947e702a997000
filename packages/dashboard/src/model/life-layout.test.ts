import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LifeDeadline, LifeEvent, OrderLife, Signal } from '@fillstream/client';
import { layoutOf } from './life-layout.ts';

const T = 1_760_000_000_000;

function fill(at: number, deadline: LifeDeadline | null, sz = '1'): LifeEvent {
  return { at, why: '', deadline, kind: 'fill', place: 'fills/0/1', time: at, side: 'B', px: '1', sz, dir: 'Open Long' };
}

function status(at: number, deadline: LifeDeadline | null, origSz = '10'): LifeEvent {
  return { at, why: '', deadline, kind: 'status', place: 'order-updates/0/1', status: 'canceled', sz: '0', origSz };
}

function life(events: readonly LifeEvent[], coming: readonly LifeDeadline[] = [], streamTime: number | null = null): OrderLife {
  return { address: '', oid: 1, about: '', now: '', streamTime, events, coming };
}

const timeout = (at: number): LifeDeadline => ({ at, what: 'timeout', trigger: 'timeout' });

test('every event is in exactly one mark, at its time (Y1)', () => {
  const events = [
    ...Array.from({ length: 40 }, (_, place) => fill(T + place, null)),
    status(T + 60_000, null),
    { at: T + 60_000, why: '', deadline: null, kind: 'timer', what: 'grace' } as const,
  ];
  const { marks } = layoutOf(life(events), 800);
  assert.deepEqual(
    marks.flatMap(({ places }) => places).sort((a, b) => a - b),
    events.map((_, place) => place),
  );
  assert.ok(marks.every(({ x }) => x >= 0 && x <= 800));
  assert.ok(marks.filter(({ lane }) => lane === 'fill').length < 40);
});

test('a wait ends at its deadline, or at the event that gave another one (Y2)', () => {
  const { waits } = layoutOf(
    life([
      fill(T, timeout(T + 300_000)),
      status(T + 1_000, { at: T + 6_000, what: 'grace', trigger: 'grace' }),
      { at: T + 6_000, why: '', deadline: null, kind: 'timer', what: 'grace' },
    ]),
    800,
  );
  assert.deepEqual(
    waits.map(({ what, end }) => [what, end]),
    [
      ['timeout', 'replaced'],
      ['grace', 'fired'],
    ],
  );
});

test('one deadline that several events leave as it is, is one wait (Y2)', () => {
  const { waits } = layoutOf(
    life([fill(T, timeout(T + 300_000)), fill(T + 10, timeout(T + 300_000)), status(T + 20, null)]),
    800,
  );
  assert.deepEqual(
    waits.map(({ end }) => end),
    ['replaced'],
  );
});

test('a signal ends no wait, and a wait goes on to where time has moved when it is over (Y2)', () => {
  const told = { kind: 'signal', signal: {} as Signal, place: null, why: '', deadline: null } as const;
  const { waits } = layoutOf(
    life([
      fill(T, timeout(T + 300_000)),
      { ...told, at: T + 10 },
      { at: T + 320_000, why: '', deadline: null, kind: 'timer', what: 'timeout' },
      { ...told, at: T + 320_000 },
    ]),
    800,
  );
  assert.deepEqual(
    waits.map(({ x0, x1, end }) => [x0, x1, end]),
    [[0, 800, 'fired']],
  );
});

test('what is still to come is drawn beyond the stream’s time', () => {
  const { waits, nowX } = layoutOf(life([fill(T, timeout(T + 300_000))], [timeout(T + 300_000)], T + 2_000), 800);
  assert.deepEqual(
    waits.map(({ end, x1 }) => [end, x1]),
    [['coming', 800]],
  );
  assert.ok(nowX !== null && nowX > 0 && nowX < 800);
});

test('the filled share counts against the order’s whole size', () => {
  const { steps } = layoutOf(life([fill(T, null, '2.5'), fill(T + 10, null, '2.5'), status(T + 20, null, '10')]), 800);
  assert.deepEqual(
    steps.map(({ share }) => share),
    [0.25, 0.5],
  );
});
