// What the charts are made from: the history and the folded stacks, and a hash of both that each chart carries.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../history/entry.ts';
import { GENERATED, HISTORY, readHistory } from '../history/history.ts';
import { stacksIn } from '../profile/profile.ts';

export type Sources = {
  readonly history: readonly Entry[];
  /** By the name of the profile. */
  readonly stacks: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly hash: string;
};

const FOLDED = /^flame-(\w+)\.folded$/;

export function readSources(): Sources {
  const files = existsSync(GENERATED)
    ? readdirSync(GENERATED)
        .filter((name) => FOLDED.test(name))
        .sort()
    : [];
  const hash = createHash('sha256');
  const read = (path: string): string => {
    const text = readFileSync(path, 'utf8');
    hash.update(text);
    return text;
  };
  if (existsSync(HISTORY)) read(HISTORY);
  const stacks = new Map(files.map((name) => [FOLDED.exec(name)?.[1] ?? name, stacksIn(read(join(GENERATED, name)))]));
  return { history: readHistory(), stacks, hash: hash.digest('hex') };
}

/** What a chart says of itself, in a comment. */
export function stampOf(hash: string): string {
  return `<!-- made by bench:charts from history ${hash} -->`;
}
