// Which signals are shown. What is chosen is the page's address, so it can be kept, sent and gone back to.

import type { Filter } from '@fillstream/client';
import { useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { readable, typedAmount } from '../../src/model/amount.ts';
import {
  ASSET_TYPES,
  CAUSES,
  DIRECTIONS,
  SIDES,
  TRIGGERS,
  filterOf,
  partsOf,
  queryOf,
  toggled,
  typedAddresses,
  wordsOf,
  type FilterParts,
} from '../../src/model/filter.ts';
import { CAUSE_WORDS, TRIGGER_WORDS } from '../../src/model/reasons.ts';
import { isNarrow, query, setQuery } from '../state.ts';
import { Icon } from './icon.tsx';

type BarProps = { readonly filter: Filter };

/** Of the filter as it is now: what was typed takes effect later than what was clicked meanwhile. */
function change(parts: FilterParts): void {
  setQuery(queryOf({ ...filterOf(query.peek()), ...parts }));
}

export function FilterBar({ filter }: BarProps) {
  const count = partsOf(filter);
  const isOpen = useSignal(false);
  if (!isNarrow.value)
    return (
      <form role="search" aria-label="Filter" class="filters" onSubmit={(event) => event.preventDefault()}>
        <Controls filter={filter} />
      </form>
    );
  return (
    <form role="search" aria-label="Filter" class="filters narrow" onSubmit={(event) => event.preventDefault()}>
      <button
        type="button"
        class="button wide"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Icon name="filter" /> Filter{count > 0 ? ` (${String(count)})` : ''} <Icon name="down" />
      </button>
      {isOpen.value ? (
        <div class="sheet">
          <Controls filter={filter} />
        </div>
      ) : null}
    </form>
  );
}

function Controls({ filter }: BarProps) {
  return (
    <>
      <AddressField filter={filter} />
      <TextField
        label="Coin"
        class="coin"
        value={filter.coins?.join(', ') ?? ''}
        placeholder="BTC, ETH"
        hint=""
        onText={(text) => {
          change({ coins: wordsOf(text) });
          return true;
        }}
      />
      <Toggles label="Direction" all={DIRECTIONS} chosen={filter.directions} onChange={(directions) => change({ directions })} />
      <Toggles label="Side" all={SIDES} chosen={filter.sides} onChange={(sides) => change({ sides })} />
      <Toggles label="Type" all={ASSET_TYPES} chosen={filter.assetTypes} onChange={(assetTypes) => change({ assetTypes })} />
      <TextField
        label="Least USD"
        class="least"
        value={filter.minNotional === undefined ? '' : readable(filter.minNotional)}
        placeholder="10k"
        hint="an amount, such as 10,000 or 10k"
        onText={(text) => {
          const amount = typedAmount(text);
          if (amount !== null) change({ minNotional: amount === '' ? undefined : amount });
          return amount !== null;
        }}
      />
      <Menu label="Cause" all={CAUSES} words={CAUSE_WORDS} chosen={filter.causes} onChange={(causes) => change({ causes })} />
      <Menu
        label="Trigger"
        all={TRIGGERS}
        words={TRIGGER_WORDS}
        chosen={filter.triggers}
        onChange={(triggers) => change({ triggers })}
      />
      <label class="check" title="Without the later revisions of a signal">
        <input
          type="checkbox"
          checked={filter.revisions === 'first'}
          onChange={({ currentTarget }) => change({ revisions: currentTarget.checked ? 'first' : undefined })}
        />{' '}
        First only
      </label>
      {partsOf(filter) === 0 ? null : (
        <button type="button" class="button plain" onClick={() => setQuery(new URLSearchParams())}>
          <Icon name="close" /> Clear
        </button>
      )}
    </>
  );
}

function AddressField({ filter }: BarProps) {
  return (
    <TextField
      label="Address"
      class="address"
      value={filter.addresses?.join(', ') ?? ''}
      placeholder="0x…"
      isFirst
      hint="0x and 40 hex digits; several with commas"
      onText={(text) => {
        const { addresses, rest } = typedAddresses(text);
        if (rest.length === 0) change({ addresses });
        return rest.length === 0;
      }}
    />
  );
}

const TYPING_MS = 350;

/** Takes effect when typing pauses, or at Enter; what can't be understood stays, and is marked. */
function TextField({
  label,
  value,
  placeholder,
  hint,
  onText,
  isFirst = false,
  class: more,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly hint: string;
  readonly class: string;
  /** False: it isn't understood. */
  readonly onText: (text: string) => boolean;
  readonly isFirst?: boolean;
}) {
  const isWrong = useSignal(false);
  const draft = useSignal<string | null>(null);
  const timer = useRef(0);
  const take = (text: string): void => {
    clearTimeout(timer.current);
    isWrong.value = !onText(text);
  };
  return (
    <label class={`field ${more}`}>
      <span>{label}</span>
      <input
        type="text"
        value={draft.value ?? value}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        {...(isFirst ? { 'data-first-filter': '', 'aria-keyshortcuts': '/' } : {})}
        aria-invalid={isWrong.value}
        title={isWrong.value ? `Expected ${hint}` : hint}
        onInput={({ currentTarget }) => {
          draft.value = currentTarget.value;
          clearTimeout(timer.current);
          timer.current = window.setTimeout(() => take(currentTarget.value), TYPING_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') take(event.currentTarget.value);
          else if (event.key === 'Escape') event.currentTarget.blur();
        }}
        onBlur={({ currentTarget }) => {
          if (draft.value === null) return;
          take(currentTarget.value);
          if (!isWrong.value) draft.value = null;
        }}
      />
      {isWrong.value ? (
        <span class="wrong" role="alert">
          Expected {hint}
        </span>
      ) : null}
    </label>
  );
}

type ChoiceProps<T extends string> = {
  readonly label: string;
  readonly all: readonly T[];
  readonly chosen: readonly T[] | undefined;
  readonly onChange: (chosen: readonly T[]) => void;
};

function Toggles<T extends string>({ label, all, chosen, onChange }: ChoiceProps<T>) {
  return (
    <div role="group" aria-label={label} class="toggles">
      {all.map((value) => (
        <button
          type="button"
          key={value}
          aria-pressed={chosen?.includes(value) ?? false}
          onClick={() => onChange(toggled(all, chosen, value))}
        >
          {value}
        </button>
      ))}
    </div>
  );
}

function Menu<T extends string>({
  label,
  all,
  words,
  chosen = [],
  onChange,
}: ChoiceProps<T> & { readonly words: Readonly<Record<T, string>> }) {
  const details = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (details.current !== null) details.current.open = false;
  };
  return (
    <details
      class="menu"
      ref={details}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || details.current?.open !== true) return;
        close();
        details.current.querySelector('summary')?.focus();
      }}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && details.current?.contains(relatedTarget) !== true) close();
      }}
    >
      <summary class={`button${chosen.length > 0 ? ' chosen' : ''}`}>
        {label}
        {chosen.length > 0 ? `: ${chosen.join(', ')}` : ''} <Icon name="down" />
      </summary>
      <div class="menu-body" role="group" aria-label={label}>
        {all.map((value) => (
          <label key={value} class="check">
            <input type="checkbox" checked={chosen.includes(value)} onChange={() => onChange(toggled(all, chosen, value))} />
            <span>
              {value}
              <small>{words[value]}</small>
            </span>
          </label>
        ))}
      </div>
    </details>
  );
}
