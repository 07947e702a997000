// What every page has at its top: where to go, how the connection stands, how it looks.

import { useSignal } from '@preact/signals';
import { typedRoute, pathOf, type Route } from '../../src/model/route.ts';
import { spanOf } from '../../src/model/clock.ts';
import { link, type Link as LinkState } from '../connection.ts';
import { giveToken, go, nextTheme, now, route, showsKeys, showsWelcome, theme, token } from '../state.ts';
import { Link } from './basics.tsx';
import { Icon, type IconName } from './icon.tsx';

const TABS: readonly {
  readonly to: Route;
  readonly name: string;
  readonly icon: IconName;
  readonly kinds: readonly Route['kind'][];
}[] = [
  { to: { kind: 'live' }, name: 'Live', icon: 'live', kinds: ['live'] },
  { to: { kind: 'addresses' }, name: 'Addresses', icon: 'people', kinds: ['addresses', 'address', 'order'] },
  { to: { kind: 'health' }, name: 'Health', icon: 'health', kinds: ['health'] },
  { to: { kind: 'quarantine' }, name: 'Quarantine', icon: 'quarantine', kinds: ['quarantine'] },
];

export function Header() {
  return (
    <header class="top">
      <Link to={{ kind: 'live' }} class="brand">
        <Mark />
        <span>fillstream</span>
      </Link>
      <nav aria-label="Pages" class="tabs">
        {TABS.map(({ to, name, icon, kinds }) => (
          <Link key={name} to={to} class="tab" aria-current={kinds.includes(route.value.kind) ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{name}</span>
          </Link>
        ))}
      </nav>
      <GoTo />
      <LinkLight />
      <div class="tools">
        {token.value === null ? null : (
          <button
            type="button"
            class="button icon-only"
            aria-label="Forget the token"
            title="Forget the token"
            onClick={() => giveToken(null)}
          >
            <Icon name="key" />
          </button>
        )}
        <button
          type="button"
          class="button icon-only"
          aria-label={`Colours: ${theme.value}`}
          title={`Colours: ${theme.value}`}
          data-theme-toggle=""
          onClick={nextTheme}
        >
          <Icon name={theme.value === 'system' ? 'system' : theme.value === 'light' ? 'sun' : 'moon'} />
        </button>
        <button
          type="button"
          class="button icon-only"
          aria-label="Help and keys"
          title="Help and keys"
          aria-keyshortcuts="?"
          onClick={() => {
            showsKeys.value = true;
            showsWelcome.value = true;
          }}
        >
          <Icon name="help" />
        </button>
      </div>
    </header>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path class="mark-dots" d="M7 10h3M13 10h3M7 16h2M12 16h4M7 22h4" />
      <path class="mark-lines" d="M16 10c5 0 3 6 9 6M16 16h9M11 22c9 0 8-6 14-6" />
    </svg>
  );
}

function GoTo() {
  const text = useSignal('');
  const isWrong = useSignal(false);
  return (
    <form
      class="go-to"
      role="search"
      aria-label="Go to an address or order"
      onSubmit={(event) => {
        event.preventDefault();
        const to = typedRoute(text.value);
        isWrong.value = to === null;
        if (to === null) return;
        text.value = '';
        go(pathOf(to));
      }}
    >
      <Icon name="search" />
      <input
        type="text"
        aria-label="Address, order or signal id"
        placeholder="Address, order or signal id"
        value={text.value}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        aria-invalid={isWrong.value}
        title={isWrong.value ? 'Expected 0x…, or 0x…/order id' : 'Enter goes there'}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
          isWrong.value = false;
        }}
      />
      {isWrong.value ? (
        <span class="wrong" role="alert">
          Expected 0x…, or 0x…/order id
        </span>
      ) : null}
    </form>
  );
}

function LinkLight() {
  const state = link.value;
  return (
    <p class={`light ${state?.kind ?? 'none'}`} role="status" data-link={state?.kind ?? 'none'} title={reasonOf(state)}>
      {state === null ? null : (
        <>
          <i aria-hidden="true" />
          <span>{wordsOf(state)}</span>
        </>
      )}
    </p>
  );
}

function wordsOf(state: LinkState): string {
  switch (state.kind) {
    case 'connecting':
      return 'Connecting';
    case 'catching-up':
      return 'Catching up';
    case 'live':
      return 'Live';
    case 'waiting':
      return 'Reconnecting';
    case 'ended':
      return 'Disconnected';
  }
}

function reasonOf(state: LinkState | null): string {
  switch (state?.kind) {
    case 'waiting':
      return `${state.reason}. Next attempt in ${spanOf(Math.max(0, Math.ceil((state.until - now.value) / 1_000)) * 1_000)}`;
    case 'ended':
      return state.reason;
    case 'connecting':
    case 'catching-up':
    case 'live':
    case undefined:
      return '';
  }
}

/** A line across the page while it isn't connected: what is seen may be old. */
export function LinkBanner() {
  const state = link.value;
  if (state?.kind !== 'waiting' && state?.kind !== 'ended') return null;
  return (
    <div class="banner" role="alert">
      <Icon name="quarantine" />
      <span>
        {state.kind === 'waiting'
          ? 'The connection was lost; what was missed will come when it is back.'
          : 'The connection has ended.'}
      </span>
      <span class="quiet">{reasonOf(state)}</span>
    </div>
  );
}
