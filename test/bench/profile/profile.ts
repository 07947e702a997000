// A CPU profile as Node writes it with --cpu-prof: how its time falls on phases, and its stacks folded.
//
// F1  Only the stretch from the first decision to the last counts: start-up and end are no part of a record's cost.
// F2  A folded stack that has less than LEAST of the time is left to the function that called it.

import { readFileSync } from 'node:fs';
import { PHASES, phaseOf, type Frame, type Phase } from './phases.ts';

type Node = { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] };
type Raw = { readonly nodes: readonly Node[]; readonly samples: readonly number[]; readonly timeDeltas: readonly number[] };
type Place = { readonly phase: Phase; readonly names: readonly string[] };

/** µs of the main thread; `busy`: of all of its life, start-up and end included. */
export type Profile = {
  readonly phases: ReadonlyMap<Phase, number>;
  readonly stacks: ReadonlyMap<string, number>;
  readonly busy: number;
};

const LEAST = 0.003;
const MOST_FRAMES = 24;

export function readProfile(path: string): Profile {
  // Written by Node.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return profileOf(JSON.parse(readFileSync(path, 'utf8')) as Raw);
}

export function profileOf({ nodes, samples, timeDeltas }: Raw): Profile {
  const places = placesOf(nodes);
  const isDecision = (id: number): boolean => places.get(id)?.phase === 'decide';
  const [first, last] = [samples.findIndex(isDecision), samples.findLastIndex(isDecision)];
  const phases = new Map<Phase, number>(PHASES.map((phase) => [phase, 0]));
  const stacks = new Map<string, number>();
  for (let place = Math.max(0, first); place <= last; place += 1) {
    const at = places.get(samples[place] ?? NaN);
    const took = timeDeltas[place] ?? 0;
    if (at === undefined) continue;
    phases.set(at.phase, (phases.get(at.phase) ?? 0) + took);
    if (at.phase !== 'idle') stacks.set(at.names.join(';'), (stacks.get(at.names.join(';')) ?? 0) + took);
  }
  const busy = samples.reduce((sum, id, place) => sum + (places.get(id)?.phase === 'idle' ? 0 : (timeDeltas[place] ?? 0)), 0);
  return { phases, stacks: pruned(stacks), busy };
}

/** By node: its phase, and the names on the way to it, the phase first. */
function placesOf(nodes: readonly Node[]): Map<number, Place> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child): [number, number] => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return new Map(
    nodes.map(({ id }) => {
      const stack: Frame[] = [];
      for (let at = byId.get(id); at !== undefined; at = byId.get(parents.get(at.id) ?? NaN)) stack.push(at.callFrame);
      const phase = phaseOf(stack);
      const names = stack
        .toReversed()
        .map(nameOf)
        .filter((name) => name !== '');
      return [id, { phase, names: [phase, ...names.slice(-MOST_FRAMES)] }];
    }),
  );
}

/** `function (where)`; empty for what says nothing. */
function nameOf({ functionName, url }: Frame): string {
  if (functionName === '(root)' || (functionName === '' && url === '')) return '';
  const where =
    /(?:packages|services)\/([\w-]+)\//.exec(url)?.[1]
    ?? /node_modules\/((?:@[\w-]+\/)?[\w-]+)\/(?!.*node_modules)/.exec(url)?.[1]
    ?? /^(schemas|node):/.exec(url)?.[1]
    ?? (url.includes('/schemas/') ? 'schemas' : '');
  const name = (functionName === '' ? '(anonymous)' : functionName).replaceAll(/[;\s]/g, '_');
  return where === '' ? name : `${name} (${where})`;
}

/** Small stacks are added to the ones they begin with (F2). */
function pruned(stacks: ReadonlyMap<string, number>): Map<string, number> {
  const total = [...stacks.values()].reduce((sum, took) => sum + took, 0);
  let left = new Map(stacks);
  for (let depth = MOST_FRAMES; depth > 0; depth -= 1) {
    const next = new Map<string, number>();
    const subtree = new Map<string, number>();
    const headOf = (stack: string): string =>
      stack
        .split(';')
        .slice(0, depth + 1)
        .join(';');
    for (const [stack, took] of left) subtree.set(headOf(stack), (subtree.get(headOf(stack)) ?? 0) + took);
    for (const [stack, took] of left) {
      const isLong = stack.split(';').length > depth;
      const keep = !isLong || (subtree.get(headOf(stack)) ?? 0) >= LEAST * total;
      const name = keep ? stack : stack.split(';').slice(0, depth).join(';');
      next.set(name, (next.get(name) ?? 0) + took);
    }
    left = next;
  }
  return left;
}

/** Brendan Gregg's format, which other tools read too: `a;b;c MICROSECONDS`, sorted. */
export function foldedText(stacks: ReadonlyMap<string, number>): string {
  return [...stacks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([stack, took]) => `${stack} ${String(Math.round(took))}\n`)
    .join('');
}

export function stacksIn(folded: string): Map<string, number> {
  return new Map(
    folded
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
