import { styleText } from 'node:util';
import type { Signal } from '@fillstream/schemas';

/** One signal for a person at a terminal. */
export function signalLine(signal: Signal): string {
  const { address, direction, side, size, symbol, price, notional, trigger, revision, lastFillAt, fillCount, closedPnl } = signal;
  const time = new Date(lastFillAt).toISOString().slice(11, 19);
  const who = `${address.slice(0, 6)}…${address.slice(-4)}`;
  const what = styleText(side === 'LONG' ? 'green' : 'red', `${direction.padEnd(5)} ${side.padEnd(5)}`);
  const again = revision > 1 ? styleText('yellow', ` revision ${String(revision)}`) : '';
  const fills = fillCount === 1 ? '1 fill' : `${String(fillCount)} fills`;
  const gained = direction === 'close' && closedPnl !== '0' ? `, pnl ${shortened(closedPnl)}` : '';
  return `${styleText('dim', time)} ${who} ${what} ${size} ${styleText('bold', symbol)} at ${shortened(price)} `
    + `(${shortened(notional)} USD, ${fills}${gained}) ${styleText('dim', trigger)}${again}`;
}

/** At most two digits after the point: for the eye only. */
function shortened(decimal: string): string {
  const [whole = '', fraction = ''] = decimal.split('.');
  const significant = whole === '0' || whole === '-0' ? 6 : 2;
  return fraction === '' ? whole : `${whole}.${fraction.slice(0, significant)}`;
}
