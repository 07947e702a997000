// One account: its last known positions, what it gained, and what it does.

import type { Pnl, Position } from '@fillstream/client';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { isNegative, readable } from '../../src/model/amount.ts';
import { useFetched, valueOf, type Fetched } from '../fetched.ts';
import { LiveList } from '../live-list.ts';
import { Amount, Link, When } from '../parts/basics.tsx';
import { Chart } from '../parts/chart.tsx';
import { Icon } from '../parts/icon.tsx';
import { HoldBar, ListState } from '../parts/list-parts.tsx';
import { SignalGrid } from '../parts/signal-grid.tsx';
import { Failed, Loading, Notice } from '../parts/states.tsx';
import { token } from '../state.ts';

const EVERY_MS = 5_000;

export function AddressPage({ address }: { readonly address: string }) {
  const given = token.value;
  const list = useMemo(() => new LiveList({ addresses: [address] }), [address, given]);
  useEffect(() => {
    list.start();
    return () => list.stop();
  }, [list]);
  const positions = useFetched(
    address,
    async (client, options) => (await client.positions(address, options)).positions,
    EVERY_MS,
  ).value;
  const pnl = useFetched(address, (client, options) => client.pnl(address, options), EVERY_MS).value;
  return (
    <div class="page">
      <div class="page-head">
        <p class="kicker">Address</p>
        <h1 tabIndex={-1} class="mono breaks">
          {address}
        </h1>
        <CopyButton text={address} />
      </div>
      <div class="columns">
        <PositionsCard fetched={positions} />
        <PnlCard fetched={pnl} />
      </div>
      <section class="card" aria-labelledby="signals-title">
        <div class="card-head">
          <h2 id="signals-title">Signals</h2>
          <HoldBar list={list} />
        </div>
        <SignalGrid list={list} label="Signals of this address, the newest first" class="bounded of-address" />
        <ListState list={list} isFiltered={false} onClear={() => undefined} />
      </section>
    </div>
  );
}

function CopyButton({ text }: { readonly text: string }) {
  const isCopied = useSignal(false);
  return (
    <button
      type="button"
      class="button icon-only"
      aria-label={isCopied.value ? 'Copied' : 'Copy the address'}
      title="Copy the address"
      onClick={() =>
        void navigator.clipboard.writeText(text).then(
          () => {
            isCopied.value = true;
          },
          () => undefined,
        )
      }
    >
      <Icon name={isCopied.value ? 'check' : 'copy'} />
    </button>
  );
}

function PositionsCard({ fetched }: { readonly fetched: Fetched<readonly Position[]> }) {
  const positions = valueOf(fetched);
  return (
    <section class="card" aria-labelledby="positions-title">
      <h2 id="positions-title">Last known positions</h2>
      {fetched.kind === 'loading' ? <Loading what="positions" /> : null}
      {fetched.kind === 'failed' ? <Failed error={fetched.error} what="positions" /> : null}
      {positions === null ? null : positions.length === 0 ? (
        <Notice icon="people" title="None is known" />
      ) : (
        <div class="scrolls" tabIndex={0} role="region" aria-labelledby="positions-title">
          <table>
            <thead>
              <tr>
                <th>Market</th>
                <th>Side</th>
                <th class="number">Size</th>
                <th>As of</th>
                <th>Said by</th>
              </tr>
            </thead>
            <tbody>
              {positions.map((position) => (
                <PositionRow key={position.coin} position={position} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function PositionRow({ position: { symbol, assetType, size, at, id } }: { readonly position: Position }) {
  const [address = '', oid = ''] = id.split('/');
  const side = size === '0' ? 'flat' : assetType !== 'futures' ? 'held' : isNegative(size) ? 'SHORT' : 'LONG';
  return (
    <tr class={size === '0' ? 'dim' : ''}>
      <th scope="row">
        {symbol} {assetType === 'futures' ? null : <small class="quiet">{assetType}</small>}
      </th>
      <td>
        <span class={`side ${side.toLowerCase()}`}>{side}</span>
      </td>
      <td class="number">
        <Amount value={size} />
      </td>
      <td>
        <When at={at} focusable={false} />
      </td>
      <td>
        <Link to={{ kind: 'order', address, oid: Number(oid) }}>{oid}</Link>
      </td>
    </tr>
  );
}

function PnlCard({ fetched }: { readonly fetched: Fetched<Pnl> }) {
  const pnl = valueOf(fetched);
  return (
    <section class="card" aria-labelledby="pnl-title">
      <h2 id="pnl-title">Closed PnL less fees, summed</h2>
      {fetched.kind === 'loading' ? <Loading what="the sums" /> : null}
      {fetched.kind === 'failed' ? <Failed error={fetched.error} what="the sums" /> : null}
      {pnl === null ? null : pnl.points.length === 0 ? (
        <Notice icon="health" title="Nothing was closed yet" />
      ) : (
        <PnlChart pnl={pnl} />
      )}
    </section>
  );
}

function PnlChart({ pnl: { points, otherFees, thinned } }: { readonly pnl: Pnl }) {
  const last = points.at(-1);
  const times = useMemo(() => points.map(({ at }) => at / 1_000), [points]);
  // Drawn from rounded values; the exact ones stand above.
  const lines = useMemo(
    () => [
      { name: 'Net', colour: 'accent' as const, isStepped: true, isFilled: true, values: points.map(({ net }) => Number(net)) },
      {
        name: 'Closed PnL',
        colour: 'good' as const,
        dash: [6, 3],
        isStepped: true,
        values: points.map(({ closedPnl }) => Number(closedPnl)),
      },
      { name: 'Fees', colour: 'warn' as const, dash: [2, 3], isStepped: true, values: points.map(({ fees }) => -Number(fees)) },
    ],
    [points],
  );
  if (last === undefined) return null;
  const others = Object.entries(otherFees);
  return (
    <>
      <dl class="sums">
        <div>
          <dt>Net, USD</dt>
          <dd>
            <Amount value={last.net} signed />
          </dd>
        </div>
        <div>
          <dt>Closed PnL</dt>
          <dd>
            <Amount value={last.closedPnl} signed />
          </dd>
        </div>
        <div>
          <dt>Fees, USDC</dt>
          <dd>
            <Amount value={last.fees} />
          </dd>
        </div>
        {others.map(([name, sum]) => (
          <div key={name}>
            <dt>Fees, {name}</dt>
            <dd>
              <Amount value={sum} />
            </dd>
          </div>
        ))}
      </dl>
      <Chart
        label={`Closed PnL less fees over time, now ${readable(last.net)} USD`}
        times={times}
        lines={lines}
        height={230}
        startsAtZero={false}
        format={(value) =>
          value.toLocaleString('en-US', { maximumFractionDigits: 2, notation: Math.abs(value) >= 1e6 ? 'compact' : 'standard' })
        }
      />
      {thinned ? <p class="quiet">There are more points than can be drawn: some are left out, the last sums are exact.</p> : null}
    </>
  );
}
