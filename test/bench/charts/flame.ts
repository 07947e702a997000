// The layout of a flame graph: each function as wide as the time of it and of what it called, above its caller.

import type { Spec } from './spec.ts';

type Box = {
  readonly x: number;
  readonly x2: number;
  readonly y: number;
  readonly y2: number;
  readonly label: string;
  readonly phase: string;
};
type Branch = { took: number; readonly children: Map<string, Branch> };

const WIDTH = 1_100;
const ROW = 17;
const CHAR = 5.6;
/** Narrower boxes have no room for a text. */
const LEAST_CHARS = 3;
const LEAST_PIXELS = 1.5;

/** µs by folded stack; `records`: what the axis is shared among. */
export function flameSpec(stacks: ReadonlyMap<string, number>, palette: Readonly<Record<string, string>>, title: string): Spec {
  const root = treeOf(stacks);
  const boxes = [...boxesOf(root, 0, 0, root.took, '')];
  const depth = Math.max(1, ...boxes.map(({ y2 }) => y2));
  const phases = [...new Set(boxes.map(({ phase }) => phase))];
  const place = {
    x: { field: 'x', type: 'quantitative', axis: null, scale: { domain: [0, 1], nice: false } },
    y: { field: 'y', type: 'quantitative', axis: null, scale: { domain: [0, depth], nice: false } },
  };
  return {
    title,
    width: WIDTH,
    height: depth * ROW,
    data: { values: boxes },
    layer: [
      {
        mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 0.5 },
        encoding: {
          ...place,
          x2: { field: 'x2' },
          y2: { field: 'y2' },
          color: {
            field: 'phase',
            type: 'nominal',
            scale: { domain: phases, range: phases.map((phase) => palette[phase] ?? '#999999') },
            legend: { orient: 'bottom', title: null, columns: 12 },
          },
        },
      },
      {
        mark: {
          type: 'text',
          align: 'left',
          baseline: 'bottom',
          dx: 2,
          dy: -2,
          fontSize: 10,
          font: 'monospace',
          color: '#111111',
        },
        encoding: { ...place, text: { field: 'label' } },
      },
    ],
  };
}

function treeOf(stacks: ReadonlyMap<string, number>): Branch {
  const root: Branch = { took: 0, children: new Map() };
  for (const [stack, took] of stacks) {
    let at = root;
    at.took += took;
    for (const name of stack.split(';')) {
      const child = at.children.get(name) ?? { took: 0, children: new Map() };
      at.children.set(name, child);
      child.took += took;
      at = child;
    }
  }
  return root;
}

/** Children in order of their names, so that two graphs can be compared. */
function* boxesOf(branch: Branch, from: number, depth: number, total: number, phase: string): Generator<Box, void, void> {
  let at = from;
  for (const [name, child] of [...branch.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const share = child.took / total;
    const ofPhase = depth === 0 ? name : phase;
    if (share * WIDTH >= LEAST_PIXELS) {
      yield { x: at, x2: at + share, y: depth, y2: depth + 1, label: fitted(name, share * WIDTH), phase: ofPhase };
      yield* boxesOf(child, at, depth + 1, total, ofPhase);
    }
    at += share;
  }
}

function fitted(name: string, pixels: number): string {
  const chars = Math.floor((pixels - 4) / CHAR);
  if (chars < LEAST_CHARS) return '';
  return name.length <= chars ? name : `${name.slice(0, chars - 1)}…`;
}
