// One part of the product under load for hours of simulated time, and how it is judged.

import { sample, slopesOf, type Grown, type Sample } from './measure.ts';

export type Part = {
  /** Does some work, faults among it, and resolves when it is settled; how many records it was, and the simulated time it covered. */
  readonly step: () => Promise<{ readonly records: number; readonly ms: number }>;
  readonly close: () => Promise<void>;
};

export type Kind = {
  readonly name: string;
  /** Steps of a short form. */
  readonly shortSteps: number;
  readonly start: () => Promise<Part>;
};

export type Soaked = { readonly records: number; readonly simulatedMs: number; readonly samples: readonly Sample[]; readonly slopes: readonly Grown[] };

/** A sample between any two steps; `isEnough` is asked then. */
export async function soak(kind: Kind, isEnough: (steps: number, simulatedMs: number) => boolean, onSample?: (taken: Sample, simulatedMs: number) => void): Promise<Soaked> {
  const part = await kind.start();
  const samples: Sample[] = [];
  let [records, simulatedMs] = [0, 0];
  try {
    for (let steps = 0; !isEnough(steps, simulatedMs); steps += 1) {
      const done = await part.step();
      records += done.records;
      simulatedMs += done.ms;
      const taken = await sample(records);
      samples.push(taken);
      onSample?.(taken, simulatedMs);
    }
  } finally {
    await part.close();
  }
  return { records, simulatedMs, samples, slopes: slopesOf(samples) };
}

/** The same with something kept of each record: what must be found. */
export function leaking(kind: Kind): Kind {
  return {
    ...kind, name: `${kind.name}, leaking`,
    start: async () => {
      const part = await kind.start();
      const kept: object[] = [];
      return {
        ...part,
        step: async () => {
          const done = await part.step();
          for (let record = 0; record < done.records; record += 1) kept.push({ text: `record ${String(record)}`.repeat(8), of: [record + 0.5, done.ms + 0.5, { record }] });
          return done;
        },
      };
    },
  };
}
