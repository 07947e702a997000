// The model's arithmetic on made-up measurements that follow its laws exactly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitCosts } from './fit.ts';
import { fitModel, predict, predictLeast, type Model, type Observation, type Point } from './laws.ts';

const TRUE: Model = {
  costs: {
    processor: [20e-6, 3e-3, 1e-3, 5e-3],
    broker: [4e-6, 5e-3, 2e-3, 0],
    redis: [2e-6, 1e-4, 0, 1e-3],
    bench: [40e-6, 2e-4, 0.1, 0],
  },
  commitSeconds: 0.01,
  batchRecords: 1_800,
  waiting: 1.2,
  cores: 2,
};

function observed(point: Point): Observation {
  const { rate, transactions, cores } = predict(TRUE, point);
  const seconds = 10;
  return {
    ...point,
    seconds,
    records: rate * seconds,
    transactions: transactions * seconds,
    cpu: {
      processor: cores.processor * seconds,
      broker: cores.broker * seconds,
      redis: cores.redis * seconds,
      bench: cores.bench * seconds,
    },
  };
}

test('measurements that follow the laws give their costs back, and foretell points that were not measured', () => {
  const points: Point[] = [1, 4].flatMap((partitions) =>
    [1, 2].flatMap((processes) => [null, 200, 3_000].map((rate) => ({ partitions, processes, rate }))),
  );
  const model = fitModel(points.map(observed), TRUE.cores);
  for (const point of [
    { partitions: 8, processes: 2, rate: null },
    { partitions: 2, processes: 1, rate: 7_500 },
  ]) {
    const [foretold, truth] = [predict(model, point), predict(TRUE, point)];
    assert.ok(Math.abs(foretold.rate / truth.rate - 1) < 0.02, JSON.stringify([foretold, truth]));
    assert.ok(Math.abs(foretold.cores.broker / truth.cores.broker - 1) < 0.02, JSON.stringify([foretold, truth]));
  }
});

test('no cost is below nothing, whatever the noise', () => {
  const features = [
    [1, 1],
    [2, 2.1],
    [3, 2.9],
  ];
  for (const cost of fitCosts({ features, measured: [1, 1.9, 3.2] })) assert.ok(cost >= 0);
});

test('a feature that is another one doubled is left out', () => {
  const [first = 0, second = 0] = fitCosts({
    features: [
      [1, 2],
      [3, 6],
      [5, 10],
    ],
    measured: [2, 6, 10],
  });
  assert.ok(Math.abs(first + 2 * second - 2) < 1e-6);
});

test('commits that the cores have no time for are fewer and greater; where cores are free, a process is what bounds them', () => {
  const busy = { partitions: 8, processes: 1, rate: 8_000 };
  const wanted = busy.rate / (1 + (busy.rate / busy.partitions) * TRUE.commitSeconds);
  const shared = predict(TRUE, busy);
  const free = predict({ ...TRUE, cores: Infinity }, busy);
  const cores = Object.values(shared.cores).reduce((total, part) => total + part, 0);
  assert.ok(cores > 0.95 * TRUE.cores && cores <= TRUE.cores, String(cores));
  assert.ok(shared.transactions < free.transactions && free.transactions < wanted, JSON.stringify([shared, free, wanted]));
  assert.ok(free.cores.processor <= busy.processes, String(free.cores.processor));
  assert.ok(predictLeast(TRUE, busy, busy.rate).transactions < shared.transactions);
});
