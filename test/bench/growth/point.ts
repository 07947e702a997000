// A process of its own for one point of `bench:growth`: the baseline's load and the point's take turns, so that whatever the
// machine does meanwhile meets both. The first of each warms up what compiles. Says what each run took as JSON.
//
//   node --expose-gc point.ts '{"ports": …, "runs": …, "base": …, "load": …}'

import { cpuPerRecord, type Load, type Ports } from './run.ts';

export type PointTask = { readonly ports: Ports; readonly runs: number; readonly base: Load; readonly load: Load };
/** µs a record. */
export type PointResult = { readonly base: readonly number[]; readonly load: readonly number[] };

async function measure({ ports, runs, base, load }: PointTask): Promise<PointResult> {
  const result = { base: new Array<number>(), load: new Array<number>() };
  for (let run = 0; run <= runs; run += 1) {
    const [ofBase, ofLoad] = [await cpuPerRecord(ports, base), await cpuPerRecord(ports, load)];
    if (run === 0) continue;
    result.base.push(ofBase);
    result.load.push(ofLoad);
  }
  return result;
}

// Written by growth.ts.
// eslint-disable-next-line @typescript-eslint/consistent-type-assertions
console.log(JSON.stringify(await measure(JSON.parse(process.argv[2] ?? '') as PointTask)));
