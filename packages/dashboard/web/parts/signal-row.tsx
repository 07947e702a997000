// One signal as a row of the grid; on a narrow screen, as a card of the same cells.

import type { Signal } from '@fillstream/client';
import { readable, percentOf } from '../../src/model/amount.ts';
import { CAUSE_WORDS, TRIGGER_WORDS, sentenceOf } from '../../src/model/reasons.ts';
import type { Row } from '../../src/model/tape.ts';
import { Action, AddressLink, Amount, Link, Tag, When } from './basics.tsx';

type Column = { readonly name: string; readonly title: string; readonly hint?: string };

export const COLUMNS: readonly Column[] = [
  { name: 'time', title: 'Last fill', hint: 'The exchange’s time of the last fill, in your time zone' },
  { name: 'action', title: 'Action' },
  { name: 'market', title: 'Market' },
  { name: 'size', title: 'Size' },
  { name: 'price', title: 'Price', hint: 'Average: notional divided by size' },
  { name: 'notional', title: 'Notional, USD', hint: 'Price × size, summed over the fills' },
  { name: 'pnl', title: 'Closed PnL', hint: 'As the exchange tells it, before fees' },
  { name: 'position', title: 'Position, before → after' },
  { name: 'fees', title: 'Fees' },
  { name: 'notes', title: 'Notes' },
  { name: 'address', title: 'Address' },
  { name: 'order', title: 'Order' },
];

export function GridHead() {
  return (
    <div role="rowgroup" class="grid-head">
      <div role="row" aria-rowindex={1} class="row head">
        {COLUMNS.map(({ name, title, hint }) => (
          <div role="columnheader" key={name} class={`cell ${name}`} {...(hint === undefined ? {} : { title: hint })}>
            {title}
          </div>
        ))}
      </div>
    </div>
  );
}

export type RowProps = {
  readonly row: Row;
  readonly place: number;
  readonly isReplaced: boolean;
  readonly isStop: boolean;
  readonly isActive: boolean;
};

export function SignalRow({ row, place, isReplaced, isStop, isActive }: RowProps) {
  const { signal, seq } = row;
  const classes = `row${isReplaced ? ' replaced' : ''}${isActive ? ' active' : ''}${signal.positionSize === 'large' ? ' large' : ''}`;
  return (
    <div role="row" class={classes} data-seq={seq} aria-rowindex={place + 2} aria-selected={isActive} tabIndex={isStop ? 0 : -1}>
      <div role="gridcell" class="cell time">
        <When at={signal.lastFillAt} focusable={false} />
      </div>
      <div role="gridcell" class="cell action" title={sentenceOf(signal)}>
        <Action direction={signal.direction} side={signal.side} />
      </div>
      <div role="gridcell" class="cell market" title={`${signal.symbol} (${signal.assetType})`}>
        <b>{signal.symbol}</b>
        {signal.assetType === 'futures' ? null : (
          <>
            {' '}
            <small>{signal.assetType}</small>
          </>
        )}
      </div>
      <div role="gridcell" class="cell size">
        <Amount value={signal.size} />
      </div>
      <div role="gridcell" class="cell price">
        <Amount value={signal.price} />
      </div>
      <div role="gridcell" class="cell notional">
        <Amount value={signal.notional} />
      </div>
      <div role="gridcell" class="cell pnl">
        {signal.direction === 'open' ? null : <Amount value={signal.closedPnl} signed />}
      </div>
      <div role="gridcell" class="cell position">
        <Position signal={signal} />
      </div>
      <div role="gridcell" class="cell fees">
        {feesOf(signal)}
      </div>
      <div role="gridcell" class="cell notes">
        <Notes signal={signal} isReplaced={isReplaced} />
      </div>
      <div role="gridcell" class="cell address">
        <AddressLink address={signal.address} tabIndex={-1} />
      </div>
      <div role="gridcell" class="cell order">
        <Link to={{ kind: 'order', address: signal.address, oid: signal.oid }} tabIndex={-1}>
          {signal.oid}
        </Link>
      </div>
    </div>
  );
}

function Position({ signal: { positionBefore, positionAfter, closeRate } }: { readonly signal: Signal }) {
  return (
    <span class="change">
      {readable(positionBefore)} <span aria-hidden="true">→</span>
      <span class="unseen"> to </span> {readable(positionAfter)}
      {closeRate === '0' ? null : <small title="Share of the position that was closed"> {percentOf(closeRate)} %</small>}
    </span>
  );
}

/** What is out of the ordinary about it. */
export function Notes({ signal, isReplaced = false }: { readonly signal: Signal; readonly isReplaced?: boolean }) {
  const { revision, reversal, cause, trigger, twapId, fillCount } = signal;
  return (
    <>
      {isReplaced ? (
        <Tag tone="warn" title="A later revision restates its totals">
          replaced
        </Tag>
      ) : null}
      {revision > 1 ? (
        <Tag tone="warn" title="Late fills came: this restates the totals of the revisions before">
          rev {revision}
        </Tag>
      ) : null}
      {cause === 'trade' ? null : (
        <Tag tone="bad" title={CAUSE_WORDS[cause]}>
          {cause}
        </Tag>
      )}
      {reversal ? <Tag title="The order went through zero: it closed one side and opened the other">reversal</Tag> : null}
      {twapId === null ? null : <Tag title={`A slice order, TWAP ${String(twapId)}`}>TWAP</Tag>}
      {trigger === 'complete' ? null : <Tag title={TRIGGER_WORDS[trigger]}>{trigger}</Tag>}
      <small class="fills">{fillCount === 1 ? '1 fill' : `${String(fillCount)} fills`}</small>
    </>
  );
}

function feesOf({ fees }: Signal) {
  return Object.entries(fees).map(([token, sum]) => (
    <span key={token} class="fee">
      {readable(sum)} <small>{token}</small>
    </span>
  ));
}
