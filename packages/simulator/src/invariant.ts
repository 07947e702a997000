// A failed invariant is a bug: it ends the process and names what was expected.

export function invariant(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new Error(`invariant failed: expected ${expected}`);
}

/** The item at `index`, which must be there. */
export function itemAt<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`invariant failed: expected an item at ${index} of ${items.length}`);
  return item;
}

export function assertNever(value: never): never {
  throw new Error(`invariant failed: unexpected ${JSON.stringify(value)}`);
}
