// What stands around a live list: figures, the button that holds it still, and what is shown where it has no rows.

import { useEffect } from 'preact/hooks';
import type { LiveList } from '../live-list.ts';
import { hasKeys } from '../state.ts';
import { Icon } from './icon.tsx';
import { Failed, Loading, Notice } from './states.tsx';

type ListProps = { readonly list: LiveList };

export function Figures({ list }: ListProps) {
  const { all, open, long } = list.tape.counts;
  return (
    <dl class="figures">
      <div>
        <dt>Signals / s</dt>
        <dd data-figure="rate">{list.rate.value.toFixed(1)}</dd>
      </div>
      <div>
        <dt>In the list</dt>
        <dd data-figure="count">{counted(all)}</dd>
      </div>
      <Split left="Open" right="Close" count={open} all={all} tone="neutral" />
      <Split left="LONG" right="SHORT" count={long} all={all} tone="sides" />
    </dl>
  );
}

function Split({
  left,
  right,
  count,
  all,
  tone,
}: {
  readonly left: string;
  readonly right: string;
  readonly count: number;
  readonly all: number;
  readonly tone: 'neutral' | 'sides';
}) {
  const share = all === 0 ? 50 : (100 * count) / all;
  return (
    <div class={`split ${tone}`}>
      <dt>
        {left} / {right}
      </dt>
      <dd>
        <span>{counted(count)}</span>
        <span class="split-bar" aria-hidden="true">
          <i style={{ width: `${share.toFixed(1)}%` }} />
        </span>
        <span>{counted(all - count)}</span>
      </dd>
    </div>
  );
}

export function counted(count: number): string {
  return count.toLocaleString('en-US');
}

/** Held or not, and how many wait. Space does the same, where nothing else wants it. */
export function HoldBar({ list }: ListProps) {
  const holds = list.holds.value;
  const isHeld = holds.length > 0;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== ' ' || !hasKeys.value || event.ctrlKey || event.metaKey || event.altKey) return;
      const isFree =
        event.target === document.body ||
        (event.target instanceof HTMLElement &&
          (event.target.matches('main, h1') || event.target.closest('[data-grid]') !== null));
      if (!isFree) return;
      event.preventDefault();
      toggle(list);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [list]);
  const { waiting } = list.tape;
  return (
    <div class="hold">
      <span class="hold-why" role="status">
        {isHeld ? WHY[holds.includes('button') ? 'button' : (holds[0] ?? 'button')] : ''}
      </span>
      {isHeld && waiting > 0 ? (
        <button type="button" class="pill" onClick={() => list.releaseAll()}>
          <Icon name="up" /> {counted(waiting)} new
        </button>
      ) : null}
      <button type="button" class="button" aria-keyshortcuts="Space" onClick={() => toggle(list)}>
        <Icon name={isHeld ? 'play' : 'pause'} /> {isHeld ? 'Resume' : 'Pause'}
      </button>
    </div>
  );
}

const WHY = {
  button: 'Paused',
  scroll: 'Held while you scroll',
  focus: 'Held while you read',
};

function toggle(list: LiveList): void {
  if (list.holds.value.length === 0) {
    list.hold('button');
    return;
  }
  // A row with the focus would hold it again.
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && focused.closest('[data-grid]') !== null) focused.blur();
  list.releaseAll();
}

/** In place of rows, or below them. */
export function ListState({
  list,
  isFiltered,
  onClear,
}: ListProps & { readonly isFiltered: boolean; readonly onClear: () => void }) {
  const past = list.past.value;
  if (past.kind === 'failed' && list.tape.length === 0)
    return (
      <div class="list-state">
        <Failed error={past.error} what="signals" />
      </div>
    );
  if (past.kind === 'loading')
    return list.tape.length === 0 ? (
      <div class="list-state">
        <Loading what="signals" />
      </div>
    ) : null;
  if (list.tape.length > 0 || list.tape.waiting > 0) return null;
  return (
    <div class="list-state">
      {isFiltered ? (
        <Notice icon="filter" title="No signal matches this filter yet">
          <p>What matches will show up here the moment it comes.</p>
          <button type="button" class="button" onClick={onClear}>
            Clear the filter
          </button>
        </Notice>
      ) : (
        <Notice icon="live" title="No signals yet">
          <p>The first one shows up here as soon as an order that fills is over.</p>
        </Notice>
      )}
    </div>
  );
}
