// The smallest parts: amounts, times, links, the words of a signal.

import type { Direction, Side } from '@fillstream/client';
import type { ComponentChildren } from 'preact';
import { isNegative, isZero, piecesOf, readable } from '../../src/model/amount.ts';
import { isoTime, localTime, timeOfDay, utcTime } from '../../src/model/clock.ts';
import { pathOf, shortAddress, type Route } from '../../src/model/route.ts';
import { go, now } from '../state.ts';
import { Icon } from './icon.tsx';

/** Every digit, aligned at the point where it stands in a column. `signed`: gains and losses differ in sign and colour. */
export function Amount({ value, signed = false }: { readonly value: string; readonly signed?: boolean }) {
  const { sign, whole, fraction, tail } = piecesOf(value);
  const tone = !signed || isZero(value) ? '' : isNegative(value) ? ' loss' : ' gain';
  const plus = signed && !isNegative(value) && !isZero(value) ? '+' : '';
  return (
    <span class={`amount${tone}`} title={readable(value)}>
      <span class="whole">
        {plus}
        {sign}
        {whole}
      </span>
      <span class="part">
        {fraction === '' ? '' : `.${fraction}`}
        {tail === '' ? null : <small>{tail}</small>}
      </span>
    </span>
  );
}

/** In the person's zone; UTC when it's pointed at or has the focus. */
export function When({
  at,
  focusable = true,
  withDay = true,
}: {
  readonly at: number;
  readonly focusable?: boolean;
  readonly withDay?: boolean;
}) {
  const utc = utcTime(at);
  return (
    <time class="when" dateTime={isoTime(at)} data-utc={utc} title={utc} {...(focusable ? { tabIndex: 0 } : {})}>
      {withDay ? localTime(at, now.value) : timeOfDay(at)}
    </time>
  );
}

export function Link({
  to,
  children,
  title,
  tabIndex,
  ...rest
}: {
  readonly to: Route;
  readonly children: ComponentChildren;
  readonly title?: string;
  readonly tabIndex?: number;
  readonly class?: string;
  readonly 'aria-current'?: 'page' | undefined;
}) {
  const href = pathOf(to);
  return (
    <a
      {...rest}
      {...(title === undefined ? {} : { title })}
      {...(tabIndex === undefined ? {} : { tabIndex })}
      href={href}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
        event.preventDefault();
        go(href);
      }}
    >
      {children}
    </a>
  );
}

export function AddressLink({
  address,
  tabIndex,
  whole = false,
}: {
  readonly address: string;
  readonly tabIndex?: number;
  readonly whole?: boolean;
}) {
  return (
    <Link to={{ kind: 'address', address }} title={address} class="mono" {...(tabIndex === undefined ? {} : { tabIndex })}>
      {whole ? address : shortAddress(address)}
    </Link>
  );
}

/** Its words, its shape and its colour all say the same. */
export function Action({ direction, side }: { readonly direction: Direction; readonly side: Side }) {
  return (
    <span class={`chip ${direction} ${side.toLowerCase()}`}>
      <Icon name={side === 'LONG' ? 'rise' : 'fall'} />
      <span>{direction === 'open' ? 'Open' : 'Close'}</span> <b>{side}</b>
    </span>
  );
}

/** A sentence of the stream's own; what it quotes stands out. */
export function Words({ text }: { readonly text: string }) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return <>{sentence.split('`').map((part, place) => (place % 2 === 0 ? part : <b key={place}>{part}</b>))}</>;
}

export function Tag({
  children,
  title,
  tone = 'plain',
}: {
  readonly children: ComponentChildren;
  readonly title?: string;
  readonly tone?: 'plain' | 'good' | 'warn' | 'bad';
}) {
  return (
    <span class={`tag ${tone}`} {...(title === undefined ? {} : { title })}>
      {children}
    </span>
  );
}
