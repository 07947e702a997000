// Where a moment is drawn when milliseconds stand next to minutes: between two events the width grows with the logarithm of the
// time between them, so a burst can be told apart and an hour takes no more room than it needs.
//
// S1  Later is never further left, and every event is within the width.
// S2  A gap that is much longer than its neighbours is marked: there the line is cut, and the span is told in words.

export type Gap = { readonly from: number; readonly to: number; readonly x0: number; readonly x1: number };
export type TimeScale = {
  readonly xOf: (time: number) => number;
  /** The cut ones, in order. */
  readonly cuts: readonly Gap[];
};

/** A gap is cut from so many milliseconds on, when it is also so many times the median gap. */
const CUT_FROM_MS = 1_000;
const CUT_TIMES_MEDIAN = 8;

/** `times` in any order, with repeats; `width` in pixels. */
export function timeScale(times: readonly number[], width: number): TimeScale {
  const moments = [...new Set(times)].sort((a, b) => a - b);
  const [first] = moments;
  if (first === undefined || moments.length === 1) return { xOf: () => width / 2, cuts: [] };
  const spans = moments.slice(1).map((time, place) => time - (moments[place] ?? time));
  const weights = spans.map((span) => Math.log1p(span));
  const unit = width / weights.reduce((sum, weight) => sum + weight, 0);
  const gaps: Gap[] = [];
  let [from, x0] = [first, 0];
  for (const [place, weight] of weights.entries()) {
    const to = moments[place + 1] ?? from;
    const x1 = place === weights.length - 1 ? width : x0 + weight * unit; // Not beyond it by a rounding.
    gaps.push({ from, to, x0, x1 });
    [from, x0] = [to, x1];
  }
  const median = [...spans].sort((a, b) => a - b)[Math.floor(spans.length / 2)] ?? 0;
  const isCut = ({ from: start, to }: Gap): boolean =>
    to - start >= CUT_FROM_MS && (spans.length < 3 || to - start >= CUT_TIMES_MEDIAN * median);
  return { xOf: (time) => placeIn(gaps, time), cuts: gaps.filter(isCut) };
}

function placeIn(gaps: readonly Gap[], time: number): number {
  const gap = gaps.find(({ to }) => time <= to) ?? gaps.at(-1);
  if (gap === undefined) return 0;
  const share = Math.min(1, Math.max(0, (time - gap.from) / (gap.to - gap.from)));
  return gap.x0 + share * (gap.x1 - gap.x0);
}

export type Burst<T> = { readonly x: number; readonly items: readonly T[] };

/** Things that would be drawn over each other, together: a group spans at most `reach` pixels. In order of `x`. */
export function burstsOf<T>(items: readonly T[], xOf: (item: T) => number, reach: number): readonly Burst<T>[] {
  const placed = items.map((item) => ({ item, x: xOf(item) })).sort((a, b) => a.x - b.x);
  const groups: { from: number; to: number; items: T[] }[] = [];
  for (const { item, x } of placed) {
    const last = groups.at(-1);
    if (last !== undefined && x - last.from <= reach) {
      last.items.push(item);
      last.to = x;
    } else {
      groups.push({ from: x, to: x, items: [item] });
    }
  }
  return groups.map(({ from, to, items: together }) => ({ x: (from + to) / 2, items: together }));
}

/** Those of the labels, each with a middle and a width, that can be drawn without touching one that was kept before. */
export function withoutOverlap<T>(
  labels: readonly T[],
  placeOf: (label: T) => { readonly x: number; readonly width: number },
  space = 8,
): readonly T[] {
  let end = -Infinity;
  return labels.filter((label) => {
    const { x, width } = placeOf(label);
    if (x - width / 2 < end + space) return false;
    end = x + width / 2;
    return true;
  });
}
