// The list of signals: thousands of rows of which only those in sight are drawn, in a grid that works without a mouse.
//
// G1  One row is the tab stop: the active one, else the first in sight. Arrows or j and k move it.
// G2  A drawn row's element is used again for another row; the focus never goes along with it.
// G3  Scrolled away from the top, or with the focus in a row, the list is held.

import { useLayoutEffect, useRef } from 'preact/hooks';
import { useSignal, type Signal } from '@preact/signals';
import { pathOf } from '../../src/model/route.ts';
import { scrollTo, windowOf, type Viewport } from '../../src/model/virtual-window.ts';
import type { LiveList } from '../live-list.ts';
import { go, hasKeys, isNarrow } from '../state.ts';
import { GridHead, SignalRow } from './signal-row.tsx';

const ROW_PX = 32;
const CARD_PX = 140;

type GridProps = { readonly list: LiveList; readonly label: string; readonly class?: string };

export function SignalGrid({ list, label, class: more = '' }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const view = useSignal<Viewport>({ scrollTop: 0, height: 600, rowHeight: ROW_PX });
  const active = useSignal<number | null>(null);
  const wantsFocus = useRef(false);
  const { tape } = list;
  const rowHeight = isNarrow.value ? CARD_PX : ROW_PX;
  const viewport = { ...view.value, rowHeight };
  const { first, end, above, height, slots } = windowOf(tape.length, viewport);
  const grid = new GridKeys({ list, active, scroller, view, viewport, wantsFocus });

  useMeasured(scroller, view);
  useLayoutEffect(() => keepFocus(scroller.current, active.value, wantsFocus)); // G2
  useLayoutEffect(() => {
    if (!tape.isHeld && scroller.current !== null) scroller.current.scrollTop = 0;
  }, [tape.isHeld]);
  useLayoutEffect(() => {
    if (end >= tape.length - 20) void list.older();
  });

  const places = Array.from({ length: end - first }, (_, place) => first + place);
  const firstSeen = Math.min(Math.ceil(viewport.scrollTop / rowHeight), Math.max(0, tape.length - 1));
  const activePlace = active.value === null ? -1 : tape.placeOf(active.value);
  const stop = activePlace >= first && activePlace < end ? activePlace : firstSeen; // G1
  return (
    <div
      role="grid" class={`grid ${more}`} aria-label={label} aria-rowcount={tape.length + 1} aria-busy={list.past.value.kind === 'loading'}
      ref={scroller} tabIndex={-1} data-grid=""
      onScroll={() => grid.onScroll()} onKeyDown={(event) => grid.onKey(event)}
      onFocusIn={(event) => grid.onFocusIn(event)} onFocusOut={(event) => grid.onFocusOut(event)}
      onDblClick={() => grid.open('order')}
    >
      <GridHead />
      <div role="rowgroup" class="grid-all" style={{ height: `${String(height)}px` }}>
        <div class="grid-seen" style={{ transform: `translateY(${String(above)}px)` }}>
          {places.map((place) => {
            const row = tape.at(place);
            if (row === undefined) return null;
            return (
              <SignalRow
                key={slotOf(row.seq, slots)} row={row} place={place} isReplaced={tape.isReplaced(row)}
                isStop={place === stop} isActive={row.seq === active.value}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function slotOf(seq: number, slots: number): number {
  return ((seq % slots) + slots) % slots;
}

function useMeasured(scroller: { readonly current: HTMLDivElement | null }, view: Signal<Viewport>): void {
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      // The head stays on top of the rows.
      const head = element.firstElementChild?.clientHeight ?? 0;
      view.value = { ...view.value, height: element.clientHeight - head, scrollTop: element.scrollTop };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
}

/** The focus is in the active row where that is drawn; where it isn't any more, in the list itself, whose keys are the same. */
function keepFocus(scroller: HTMLDivElement | null, active: number | null, wantsFocus: { current: boolean }): void {
  const focused = document.activeElement;
  if (scroller === null || active === null || (!scroller.contains(focused) && !wantsFocus.current)) return;
  const row = scroller.querySelector<HTMLElement>(`[data-seq="${String(active)}"]`);
  wantsFocus.current = false;
  if (row === null) scroller.focus({ preventScroll: true });
  else if (!row.contains(focused)) row.focus({ preventScroll: true });
}

type Parts = {
  readonly list: LiveList;
  readonly active: Signal<number | null>;
  readonly scroller: { readonly current: HTMLDivElement | null };
  readonly view: Signal<Viewport>;
  readonly viewport: Viewport;
  readonly wantsFocus: { current: boolean };
};

class GridKeys {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  onScroll(): void {
    const { list, scroller, viewport } = this.#parts;
    const scrollTop = scroller.current?.scrollTop ?? 0;
    if (scrollTop > viewport.rowHeight / 2) list.hold('scroll'); // G3
    else list.release('scroll');
    this.#see(scrollTop);
  }

  onFocusIn({ target }: FocusEvent): void {
    const { list, active } = this.#parts;
    list.hold('focus');
    const row = target instanceof Element ? target.closest<HTMLElement>('[data-seq]') : null;
    if (row !== null) active.value = Number(row.dataset['seq']);
  }

  onFocusOut({ relatedTarget }: FocusEvent): void {
    const { list, active, scroller } = this.#parts;
    if (relatedTarget instanceof Node && scroller.current?.contains(relatedTarget) === true) return;
    // A row that was scrolled out of sight takes the focus with it: `keepFocus` brings it back.
    if (relatedTarget === null && scroller.current?.contains(document.activeElement) === true) return;
    list.release('focus');
    active.value = null;
  }

  onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#parts.viewport.height / this.#parts.viewport.rowHeight) - 1);
    const letter = hasKeys.value ? event.key : event.key.length === 1 ? '' : event.key;
    switch (letter) {
      case 'ArrowDown': case 'j': this.#move(1); break;
      case 'ArrowUp': case 'k': this.#move(-1); break;
      case 'PageDown': this.#move(page); break;
      case 'PageUp': this.#move(-page); break;
      case 'Home': this.#move(-Infinity); break;
      case 'End': this.#move(Infinity); break;
      case 'Enter':
        if (event.target instanceof HTMLAnchorElement) return;
        this.open('order');
        break;
      case 'a': this.open('address'); break;
      case 'Escape': this.#leave(); break;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  open(what: 'order' | 'address'): void {
    const { list: { tape }, active } = this.#parts;
    const row = active.value === null ? undefined : tape.at(tape.placeOf(active.value));
    if (row === undefined) return;
    const { address, oid } = row.signal;
    go(pathOf(what === 'order' ? { kind: 'order', address, oid } : { kind: 'address', address }));
  }

  #move(by: number): void {
    const { list: { tape }, active, scroller, viewport, wantsFocus } = this.#parts;
    const from = active.value === null ? -1 : tape.placeOf(active.value);
    const place = Math.min(tape.length - 1, Math.max(0, from === -1 ? 0 : from + by));
    const row = tape.at(place);
    if (row === undefined) return;
    active.value = row.seq;
    wantsFocus.current = true;
    const top = scrollTo(place, viewport);
    if (scroller.current !== null && top !== viewport.scrollTop) {
      scroller.current.scrollTop = top;
      this.#see(top);
    }
  }

  /** Back to the newest, live. */
  #leave(): void {
    const { list, active } = this.#parts;
    active.value = null;
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    list.releaseAll();
  }

  #see(scrollTop: number): void {
    const { view } = this.#parts;
    view.value = { ...view.value, scrollTop };
  }
}
