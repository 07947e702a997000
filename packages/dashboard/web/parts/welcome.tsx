// The first minute: what all this is, in plain words, with the newest signal as the example.

import type { Signal } from '@fillstream/client';
import { useRef } from 'preact/hooks';
import { sentenceOf } from '../../src/model/reasons.ts';
import { shortAddress } from '../../src/model/route.ts';
import { now, showsKeys, showsWelcome } from '../state.ts';
import { Link } from './basics.tsx';
import { Icon } from './icon.tsx';

/** The example stays long enough to be read. */
const READING_MS = 12_000;

export function Welcome({ newest: latest }: { readonly newest: Signal | undefined }) {
  const example = useRef<{ readonly signal: Signal; readonly since: number } | null>(null);
  const isOver = example.current === null || now.value - example.current.since > READING_MS;
  if (latest !== undefined && isOver) example.current = { signal: latest, since: Date.now() };
  const newest = example.current?.signal;
  return (
    <section class="welcome" aria-labelledby="welcome-title">
      <Picture />
      <div class="welcome-words">
        <h2 id="welcome-title">Many fills, one signal</h2>
        <p>
          On Hyperliquid one order can fill in hundreds of pieces. A <b>signal</b> sums them up: one exact line for what an
          account did. It <b>opened</b> or <b>closed</b> a position, <b>LONG</b> (gains when the price rises) or <b>SHORT</b>{' '}
          (gains when it falls). When late fills come, a new <b>revision</b> restates the line.
        </p>
        {newest === undefined ? null : (
          <p class="example">
            <span class="quiet">For example: </span>
            <Link to={{ kind: 'address', address: newest.address }} class="mono">
              {shortAddress(newest.address)}
            </Link>{' '}
            {sentenceOf(newest)}{' '}
            <Link to={{ kind: 'order', address: newest.address, oid: newest.oid }}>See how it came about</Link>
          </p>
        )}
        <p class="welcome-end">
          <button
            type="button"
            class="button primary"
            onClick={() => {
              showsWelcome.value = false;
            }}
          >
            Got it
          </button>
          <button
            type="button"
            class="button plain"
            onClick={() => {
              showsKeys.value = true;
            }}
          >
            Keys <kbd>?</kbd>
          </button>
        </p>
      </div>
      <button
        type="button"
        class="button icon-only corner"
        aria-label="Close the introduction"
        onClick={() => {
          showsWelcome.value = false;
        }}
      >
        <Icon name="close" />
      </button>
    </section>
  );
}

/** Fills on one line, a status on another, a signal out of both. */
function Picture() {
  const fills = [14, 22, 27, 40, 44, 58, 63, 71];
  return (
    <svg
      class="welcome-picture"
      viewBox="0 0 220 120"
      role="img"
      aria-label="Fills and an order’s status flow together into one signal"
    >
      <text x="8" y="17">
        fills
      </text>
      <path class="thread" d="M8 34H88C118 34 112 60 138 60" />
      {fills.map((x, place) => (
        <circle key={x} class="fill-dot" cx={x} cy={34} r={place % 3 === 0 ? 4.5 : 3} />
      ))}
      <text x="8" y="112">
        order status
      </text>
      <path class="thread" d="M8 88H88C118 88 112 60 138 60" />
      <path class="status-dot" d="M66 82l6 6-6 6-6-6Z" />
      <rect class="signal-box" x="138" y="45" width="74" height="30" rx="7" />
      <text class="signal-text" x="175" y="64" text-anchor="middle">
        1 signal
      </text>
    </svg>
  );
}
