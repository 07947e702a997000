// Planted bugs: each a small change of a source, applied as it is loaded, that the simulation must find. What it doesn't find, it
// doesn't prove.
//
// B1  `was` is in its file exactly once (planted.test.ts), so a bug doesn't vanish when its source changes.

import { FOLD_BUGS, LOOP_BUGS, STATE_BUGS } from './planted-core.ts';
import { INGESTOR_BUGS, SUBSCRIBER_BUGS } from './planted-edges.ts';
import { TWIN_BUGS } from './planted-twins.ts';

export type Edit = { readonly was: string; readonly becomes: string };

export type Planted = Edit & {
  /** What is wrong then, in plain words. */
  readonly name: string;
  /** From the repository's root. */
  readonly file: string;
  /** What else of the file changes with it. */
  readonly more?: readonly Edit[];
  /** Only runs of this kind can meet it. */
  readonly only?: 'journal' | 'live';
};

/** One change of a source as it is loaded. */
export type Patch = Edit & { readonly file: string };

export const PLANTED: readonly Planted[] = [
  ...FOLD_BUGS, ...STATE_BUGS, ...LOOP_BUGS, ...TWIN_BUGS, ...INGESTOR_BUGS, ...SUBSCRIBER_BUGS,
];

export function patchesOf({ file, was, becomes, more = [] }: Planted): Patch[] {
  return [{ file, was, becomes }, ...more.map((edit) => ({ file, ...edit }))];
}
