// Requests of `POST /info` and their answers.
//
// I1  An answer's weight is known with it: its base, and one for each 20 rows or part of them where rows count.

import type { History } from './history.ts';
import { allMetas, metaOf, openRow, orderRow, perpDexs, spotMeta, stateOf } from './frames.ts';
import type { JsonObject } from './json.ts';
import { addressOf, isObject } from './json.ts';

export type Answer = { readonly status: number; readonly body: unknown; readonly weight: number };

export type World = {
  /** the history of an address, empty for one that never traded */
  readonly historyOf: (address: string) => History;
  /** exchange time, ms */
  readonly now: number;
};

const STATE_WEIGHT = 2;
const BASE_WEIGHT = 20;
const ROWS_PER_WEIGHT = 20;

const UNREADABLE: Answer = { status: 422, body: 'Failed to deserialize the JSON body into the target type', weight: BASE_WEIGHT };

/** `undefined` stands for a body that is no JSON. */
export function answerTo(request: unknown, world: World): Answer {
  if (!isObject(request)) return UNREADABLE;
  switch (request['type']) {
    case 'meta': {
      const { dex = '' } = request;
      const meta = typeof dex === 'string' ? metaOf(dex) : null;
      return meta === null ? UNREADABLE : plain(meta);
    }
    case 'spotMeta':
      return plain(spotMeta());
    case 'perpDexs':
      return plain(perpDexs());
    case 'allPerpMetas':
      return plain(allMetas());
    default:
      return userAnswer(request, world);
  }
}

function userAnswer(request: JsonObject, { historyOf, now }: World): Answer {
  const address = addressOf(request['user']);
  if (address === null) return UNREADABLE;
  const history = historyOf(address);
  switch (request['type']) {
    case 'userFills':
      return rows(history.lastFills());
    case 'userTwapSliceFills':
      return rows(history.lastFills('slices').map((fill) => ({ fill, twapId: fill.twapId })));
    case 'userFillsByTime': {
      const { startTime, endTime } = request;
      if (typeof startTime !== 'number') return UNREADABLE;
      return rows(history.fillsBetween(startTime, typeof endTime === 'number' ? endTime : Infinity));
    }
    case 'historicalOrders':
      return rows(history.lastOrders().map(orderRow));
    case 'openOrders':
      return plain(history.openOrders().map(openRow));
    case 'orderStatus':
      return statusAnswer(request['oid'], history);
    case 'clearinghouseState':
      return { status: 200, body: stateOf(history.value, now), weight: STATE_WEIGHT };
    default:
      return UNREADABLE;
  }
}

function statusAnswer(oid: unknown, history: History): Answer {
  if (typeof oid !== 'number' && typeof oid !== 'string') return { ...UNREADABLE, weight: STATE_WEIGHT };
  const row = history.order(oid);
  const body = row === null ? { status: 'unknownOid' } : { status: 'order', order: orderRow(row) };
  return { status: 200, body, weight: STATE_WEIGHT };
}

/** The same request, answered as if there were nothing to tell (I1). */
export function emptied({ status, weight }: Answer): Answer {
  return { status, body: [], weight: Math.min(weight, BASE_WEIGHT) };
}

function plain(body: unknown): Answer {
  return { status: 200, body, weight: BASE_WEIGHT };
}

function rows(body: readonly unknown[]): Answer {
  return { status: 200, body, weight: BASE_WEIGHT + Math.ceil(body.length / ROWS_PER_WEIGHT) };
}
