// One order: what happened to it, in a picture and in words, and what was told of it.

import type { LifeEvent, OrderLife, Signal } from '@fillstream/client';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { percentOf, readable } from '../../src/model/amount.ts';
import { fromNow } from '../../src/model/clock.ts';
import { TRIGGER_WORDS, sentenceOf } from '../../src/model/reasons.ts';
import { useFetched, valueOf } from '../fetched.ts';
import { Action, AddressLink, Amount, Tag, When, Words } from '../parts/basics.tsx';
import { LifeDrawing, titleOf } from '../parts/life-drawing.tsx';
import { Notes } from '../parts/signal-row.tsx';
import { Failed, Loading, Notice } from '../parts/states.tsx';
import { now } from '../state.ts';

const EVERY_MS = 3_000;

export function OrderPage({ address, oid }: { readonly address: string; readonly oid: number }) {
  const key = `${address}/${String(oid)}`;
  const life = useFetched(key, (client, options) => client.orderLife(address, oid, options), EVERY_MS).value;
  const order = useFetched(key, (client, options) => client.order(address, oid, options), EVERY_MS).value;
  const known = valueOf(life);
  const legs = valueOf(order)?.legs ?? [];
  return (
    <div class="page">
      <div class="page-head">
        <p class="kicker">
          Order of <AddressLink address={address} whole />
        </p>
        <h1 tabIndex={-1}>{oid}</h1>
        {legs[0] === undefined ? null : <Tag>{legs[0].symbol}</Tag>}
        {legs.some(({ reversal }) => reversal) ? <Tag title="It closed one side and opened the other">reversal</Tag> : null}
      </div>
      {known === null ? null : (
        <p class="now-sentence">
          <Words text={known.now} />
        </p>
      )}
      <section class="card" aria-labelledby="life-title">
        <div class="card-head">
          <h2 id="life-title">Its life</h2>
          <p class="quiet">
            Stream time, squeezed: a gap takes no more room than it needs, and where the line is cut the span is written below it.
          </p>
        </div>
        {life.kind === 'loading' ? <Loading what="the order’s life" /> : null}
        {life.kind === 'failed' ? <Failed error={life.error} what="the order’s life" /> : null}
        {known === null ? null : <Life life={known} />}
      </section>
      <section aria-labelledby="legs-title">
        <h2 id="legs-title" class="section-title">
          What was told of it
        </h2>
        {order.kind === 'loading' ? <Loading what="its signals" /> : null}
        {order.kind === 'failed' && order.error.code !== 'not-found' ? <Failed error={order.error} what="its signals" /> : null}
        {order.kind !== 'loading' && legs.length === 0 ? (
          <div class="card">
            <Notice icon="live" title="No signal yet">
              <p>There is one as soon as the order is over, or a timer comes.</p>
            </Notice>
          </div>
        ) : null}
        <div class="legs">
          {legs.map((leg) => (
            <Leg key={leg.id} signal={leg} />
          ))}
        </div>
      </section>
    </div>
  );
}

function Life({ life }: { readonly life: OrderLife }) {
  const picked = useSignal<readonly number[]>([]);
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => {
    const [first] = picked.value;
    if (first === undefined) return;
    const row = table.current?.querySelector<HTMLElement>(`[data-place="${String(first)}"]`);
    row?.scrollIntoView({ block: 'nearest' });
    row?.focus({ preventScroll: true });
  }, [picked.value]);
  return (
    <>
      <LifeDrawing
        life={life}
        onPick={(places) => {
          picked.value = [...places];
        }}
      />
      <div class="scrolls life-table" tabIndex={0} role="region" aria-label="Events in words">
        <table ref={table}>
          <thead>
            <tr>
              <th>Stream time</th>
              <th>Event</th>
              <th>Why, and what follows</th>
              <th>Waits for</th>
              <th>Where</th>
            </tr>
          </thead>
          <tbody>
            {life.events.map((event, place) => (
              <tr key={place} data-place={place} tabIndex={-1} class={picked.value.includes(place) ? 'picked' : ''}>
                <td>
                  <When at={event.at} focusable={false} />
                </td>
                <td>
                  <EventCell event={event} />
                </td>
                <td>
                  <Words text={event.why} />
                </td>
                <td>
                  {event.deadline === null ? (
                    <span class="quiet">–</span>
                  ) : (
                    <>
                      {event.deadline.what}, until <When at={event.deadline.at} focusable={false} />
                    </>
                  )}
                </td>
                <td class="mono quiet">{'place' in event ? event.place : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {life.coming.map((deadline) => (
        <p key={deadline.what} class="coming">
          If nothing else comes: <b>{deadline.what}</b> at <When at={deadline.at} />{' '}
          <span class="quiet">({fromNow(deadline.at, now.value)})</span>
        </p>
      ))}
      <p class="quiet about">
        <Words text={life.about} />
      </p>
    </>
  );
}

function EventCell({ event }: { readonly event: LifeEvent }) {
  switch (event.kind) {
    case 'fill':
      return (
        <span class="event">
          <i class="dot fill" aria-hidden="true" /> fill <b>{event.dir}</b>{' '}
          <span>
            {readable(event.sz)} @ {readable(event.px)}
          </span>
        </span>
      );
    case 'status':
      return (
        <span class="event">
          <i class="dot status" aria-hidden="true" /> status <b>{event.status}</b>{' '}
          <span class="quiet">
            {readable(event.sz)} of {readable(event.origSz)} left
          </span>
        </span>
      );
    case 'timer':
      return (
        <span class="event">
          <i class="dot timer" aria-hidden="true" /> timer <b>{event.what}</b>
        </span>
      );
    case 'signal':
      return (
        <span class="event">
          <i class="dot signal" aria-hidden="true" /> signal{' '}
          <Action direction={event.signal.direction} side={event.signal.side} />{' '}
          {event.signal.revision > 1 ? `rev ${String(event.signal.revision)}` : ''}
        </span>
      );
    case 'unreadable':
      return (
        <span class="event">
          <i class="dot status" aria-hidden="true" /> {titleOf(event)}
        </span>
      );
  }
}

function Leg({ signal }: { readonly signal: Signal }) {
  const fetched = useFetched(`${signal.id}@${String(signal.revision)}`, (client, options) =>
    client.revisions(signal.id, options),
  ).value;
  const revisions = valueOf(fetched) ?? [signal];
  return (
    <article class="card leg" aria-label={`${signal.direction} ${signal.side}`}>
      <header class="card-head">
        <h3>
          <Action direction={signal.direction} side={signal.side} />
        </h3>
        <span class="notes">
          <Notes signal={signal} />
        </span>
      </header>
      <p>
        The account {sentenceOf(signal)} <span class="quiet">{TRIGGER_WORDS[signal.trigger]}</span>
      </p>
      <dl class="facts">
        <Fact name="Size">
          <Amount value={signal.size} />
        </Fact>
        <Fact name="Average price">
          <Amount value={signal.price} />
        </Fact>
        <Fact name="Notional, USD">
          <Amount value={signal.notional} />
        </Fact>
        <Fact name="Position before">
          <Amount value={signal.positionBefore} />
        </Fact>
        <Fact name="Position after">
          <Amount value={signal.positionAfter} />
        </Fact>
        {signal.direction === 'open' ? null : (
          <Fact name="Closed share, %">
            <Amount value={percentOf(signal.closeRate)} />
          </Fact>
        )}
        {signal.direction === 'open' ? null : (
          <Fact name="Closed PnL">
            <Amount value={signal.closedPnl} signed />
          </Fact>
        )}
        <Fact name="Of the account, %">{signal.positionRate === null ? 'unknown' : <Amount value={signal.positionRate} />}</Fact>
        {Object.entries(signal.fees).map(([name, sum]) => (
          <Fact key={name} name={`Fees, ${name}`}>
            <Amount value={sum} />
          </Fact>
        ))}
        <Fact name="First fill">
          <When at={signal.firstFillAt} />
        </Fact>
        <Fact name="Last fill">
          <When at={signal.lastFillAt} />
        </Fact>
        <Fact name="Order’s status">{signal.orderStatus ?? 'open'}</Fact>
        {signal.cloid === null ? null : (
          <Fact name="Client’s id">
            <span class="mono breaks">{signal.cloid}</span>
          </Fact>
        )}
      </dl>
      {revisions.length < 2 ? null : <Revisions signals={revisions} />}
    </article>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Revisions({ signals }: { readonly signals: readonly Signal[] }) {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="Revisions">
      <table>
        <thead>
          <tr>
            <th class="number">Revision</th>
            <th class="number">Size</th>
            <th class="number">Average price</th>
            <th class="number">Fills</th>
            <th>Last fill</th>
            <th>Trigger</th>
          </tr>
        </thead>
        <tbody>
          {signals.map(({ revision, size, price, fillCount, lastFillAt, trigger }, place) => (
            <tr key={revision} class={place === 0 ? '' : 'dim'}>
              <th scope="row" class="number">
                {revision}
              </th>
              <td class="number">
                <Amount value={size} />
              </td>
              <td class="number">
                <Amount value={price} />
              </td>
              <td class="number">{fillCount}</td>
              <td>
                <When at={lastFillAt} focusable={false} />
              </td>
              <td>{trigger}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
