// `npm run soak -- [--hours H] [--only NAME]…`: each part at load for so many hours of simulated time, with faults all along, and
// the slope of its memory and of its descriptors. Ends with 1 when something grows.

import { parseArgs } from 'node:util';
import type { Sample } from './measure.ts';
import { soak, type Kind, type Soaked } from './part.ts';
import { KINDS } from './parts/all.ts';

const HOUR = 3_600_000;
const LEAST_STEPS = 12;
const MIB = 2 ** 20;
const NAMES = KINDS.map(({ name }) => name);

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { hours: { type: 'string', default: '24' }, only: { type: 'string', multiple: true } } });
  const hours = Number(values.hours);
  const unknown = (values.only ?? []).filter((name) => !NAMES.includes(name));
  if (!(hours > 0) || unknown.length > 0) throw new Error(`usage: soak [--hours H] [--only ${NAMES.map((name) => `'${name}'`).join('|')}]`);
  let grown = 0;
  for (const kind of KINDS.filter(({ name }) => values.only?.includes(name) ?? true)) grown += await grows(kind, hours) ? 1 : 0;
  return grown === 0 ? 0 : 1;
}

async function grows(kind: Kind, hours: number): Promise<boolean> {
  const started = performance.now();
  const done = await soak(kind, (steps, ms) => steps >= LEAST_STEPS && ms >= hours * HOUR, (taken, ms) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${kind.name}: ${progress(taken, ms)}   `);
  });
  console.log(`\n${kind.name}: ${(done.simulatedMs / HOUR).toFixed(1)} h of simulated time in ${((performance.now() - started) / 1_000).toFixed(0)} s, ${String(done.records)} records, ${String(done.samples.length)} samples`);
  for (const line of table(done)) console.log(line);
  return done.slopes.some(({ growth, allowed }) => growth > allowed);
}

function progress({ work, heap, descriptors }: Sample, ms: number): string {
  return `${(ms / HOUR).toFixed(1)} h, ${String(work)} records, heap ${(heap / MIB).toFixed(1)} MiB, ${String(descriptors)} descriptors`;
}

function table({ slopes, samples }: Soaked): string[] {
  const [first, last] = [samples[0], samples.at(-1)];
  return slopes.map(({ what, slope, growth, allowed }) => {
    const isBytes = what === 'heap' || what === 'external';
    const told = (value: number | null | undefined): string => (isBytes ? `${((value ?? 0) / MIB).toFixed(2)} MiB` : String(value));
    const verdict = growth > allowed ? '✗ grows' : '✓ flat ';
    return `  ${verdict} ${what.padEnd(12)} ${told(first?.[what])} → ${told(last?.[what])}; ${slope.toFixed(4)} a record, ${told(growth)} over what is judged, at most ${told(allowed)}`;
  });
}

process.exitCode = await main(process.argv.slice(2));
