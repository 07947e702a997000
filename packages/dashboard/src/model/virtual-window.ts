// Which rows of a long list are drawn.

export type Window = {
  /** The rows from `first` up to and without `end`. */
  readonly first: number;
  readonly end: number;
  /** Pixels above the first one, and of all rows together. */
  readonly above: number;
  readonly height: number;
  /** Elements that are enough for all rows that are drawn at once: a row takes the one of its number modulo this. */
  readonly slots: number;
};

export type Viewport = { readonly scrollTop: number; readonly height: number; readonly rowHeight: number };

/** Rows beyond the edge, so that a scroll finds them drawn already. */
const OVERSCAN = 6;

export function windowOf(count: number, { scrollTop, height, rowHeight }: Viewport): Window {
  const wanted = Math.floor(scrollTop / rowHeight) - OVERSCAN;
  const shown = Math.max(1, Math.ceil(height / rowHeight) + 2 * OVERSCAN);
  const first = Math.max(0, Math.min(wanted, count - shown));
  const end = Math.min(count, Math.max(0, wanted) + shown);
  return { first, end, above: first * rowHeight, height: count * rowHeight, slots: shown };
}

/** Where to scroll so that a row is in sight; the same place when it is. */
export function scrollTo(row: number, { scrollTop, height, rowHeight }: Viewport): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : scrollTop;
}
