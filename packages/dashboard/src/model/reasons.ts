// The words of the stream, explained to somebody who meets them for the first time.

import type { Cause, PartitionReport, Signal, Trigger } from '@fillstream/client';
import { percentOf, readable } from './amount.ts';

export const TRIGGER_WORDS: Readonly<Record<Trigger, string>> = {
  complete: 'Told at once: the order is over and all its fills are here.',
  grace: 'The order is over, but its fills don’t add up yet: told after a short wait for the rest.',
  quiet: 'Fills without an order status (TWAP, liquidation, …): told after a pause.',
  timeout: 'The order is still open: told five minutes after its first untold fill.',
};

export const CAUSE_WORDS: Readonly<Record<Cause, string>> = {
  trade: 'The account traded.',
  liquidation: 'The exchange closed it: liquidation.',
  adl: 'The exchange closed it: auto-deleveraging.',
  settlement: 'The market was settled.',
};

export const HEALTH_WORDS: Readonly<Record<PartitionReport['health'], string>> = {
  ok: 'Makes progress.',
  rebuilding: 'Its state is being rebuilt from the log; signals follow when that is done.',
  stalled: 'Records wait, and none was processed for a while.',
  unowned: 'No processor has it.',
  unknown: 'Nobody could be asked.',
};

const REASON_WORDS: Readonly<Record<string, string>> = {
  malformed: 'Not a record that can be read: no JSON, a missing field, or one of the wrong type.',
  'bad-address': 'The address isn’t 0x and 40 hex digits.',
  'unknown-dir': 'The exchange’s word for the trade is one that has no meaning here yet.',
  'dir-contradiction': 'What the fill says of its direction disagrees with its position and side.',
  conflict: 'It has the identity of an earlier fill, but another price, size or side.',
  late: 'It came after its order was finished and told.',
};

export function reasonWords(reason: string): string {
  return REASON_WORDS[reason] ?? 'Couldn’t be used.';
}

/** A signal as a sentence: what the account did. */
export function sentenceOf(signal: Signal): string {
  const { direction, side, size, symbol, price, notional, fillCount, positionAfter, closeRate, cause, assetType } = signal;
  const verb =
    assetType === 'futures'
      ? direction === 'open'
        ? `opened a ${side}`
        : `closed a ${side}`
      : direction === 'open'
        ? 'bought'
        : 'sold';
  const part =
    direction === 'close' && closeRate !== '0' && closeRate !== '1' ? `, ${percentOf(closeRate)} % of the position` : '';
  const fills = fillCount === 1 ? 'in one fill' : `in ${String(fillCount)} fills`;
  const why = cause === 'trade' ? '' : `, by ${cause === 'adl' ? 'auto-deleveraging' : cause}`;
  const of = assetType === 'futures' ? ` of ${readable(size)} ${symbol}` : ` ${readable(size)} ${symbol}`;
  return `${verb}${of} at ${readable(price)} (USD ${readable(notional)}) ${fills}${part}${why}. Position after: ${readable(positionAfter)}.`;
}
