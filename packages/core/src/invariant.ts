/** A bug, not a condition of the input: the process ends rather than go on with a state that can't be trusted. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** Throws InvariantViolation unless `holds`. */
export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new InvariantViolation(message);
}

/** Closes a `switch` over a union: a new member is a type error here. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`no case for ${JSON.stringify(value)}`);
}
