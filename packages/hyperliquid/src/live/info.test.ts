// What a request counts for, whatever became of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './budget.ts';
import { EXCHANGE_LIMITS, periodsOf } from './feed.ts';
import { InfoClient, InfoError } from './info.ts';
import { ADDRESS, TestExchange, fillOf } from './test-exchange.ts';

const MOST = 120;
const signal = new AbortController().signal;

test('I1 an answer that can be read counts for its rows, any other for the most that it may have weighed', async (t) => {
  const exchange = await TestExchange.start();
  t.after(async () => await exchange.close());
  const weightOf = async (answer: unknown): Promise<number> => {
    exchange.answer = () => {
      if (typeof answer === 'number') throw answer; // eslint-disable-line @typescript-eslint/only-throw-error -- A status, as TestExchange takes it.
      return answer;
    };
    const budget = new Budget({ limit: 1_200, windowMs: 60_000 });
    const client = new InfoClient({
      url: exchange.endpoint.info, budget, limits: EXCHANGE_LIMITS, periods: periodsOf(1), attempts: 1, random: Math.random, onEvent: () => undefined,
    });
    await client.userFillsByTime(ADDRESS, 0, { priority: 0, signal }).catch((error: unknown) => assert.ok(error instanceof InfoError));
    return budget.used;
  };
  const rows = Array.from({ length: 41 }, (_, place) => fillOf(place, place));
  assert.equal(await weightOf(rows), 23);
  assert.equal(await weightOf([]), 20);
  for (const spoilt of [{ fills: null, status: 7 }, [1, 2], null, 'no', 500, 429]) assert.equal(await weightOf(spoilt), MOST, JSON.stringify(spoilt));
});
