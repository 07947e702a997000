// Frames that no client should trust, and none should die of.

import { itemAt } from '../invariant.ts';

export type Rubbish = { readonly data: string | Buffer; readonly isBinary: boolean };

const DEPTH = 100_000;

const SHAPES: readonly string[] = [
  '[]', 'null', '42', '"userFills"', '{}',
  '{"channel":"userFills"}',
  '{"channel":"userFills","data":null}',
  '{"channel":"userFills","data":{"user":7,"fills":"none"}}',
  '{"channel":"userFills","data":{"user":"0x","fills":[null,1,{"coin":{}}]}}',
  '{"channel":"orderUpdates","data":{"order":[]}}',
  '{"channel":"orderUpdates","data":[null,{"order":null},{"status":1}]}',
  '{"channel":"subscriptionResponse","data":null}',
  '{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{}}}',
  '{"channel":"__proto__","data":{"__proto__":{"isSnapshot":true}}}',
  '{"channel":"somethingNew","data":{"version":2}}',
  '{"channel":["userFills"],"data":[]}',
  '{"data":{"isSnapshot":true}}',
];

const MAKERS: Readonly<Record<string, (turn: number) => Rubbish>> = {
  binary: (turn) => ({ data: Buffer.from([0, 255, turn % 256, 123, 34, 10]), isBinary: true }),
  text: (turn) => textOf(turn % 2 === 0 ? '{"channel":"userFills","data":{' : 'Internal error, please retry.'),
  shape: (turn) => textOf(itemAt(SHAPES, turn % SHAPES.length)),
  deep: (turn) => textOf(turn % 2 === 0 ? '['.repeat(DEPTH) : `${'{"data":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`),
  empty: () => textOf(''),
  // A text frame has to be UTF-8: the client's own library ends the connection, with 1007.
  utf8: () => ({ data: Buffer.from([123, 34, 0xc3, 0x28, 34]), isBinary: false }),
};

const ALL = Object.values(MAKERS);

/** The next one of a kind, or of all in turn for `any`. */
export function rubbishOf(how: string, turn: number): Rubbish {
  const make = MAKERS[how];
  return make === undefined ? itemAt(ALL, turn % ALL.length)(Math.floor(turn / ALL.length)) : make(turn);
}

function textOf(text: string): Rubbish {
  return { data: text, isBinary: false };
}
