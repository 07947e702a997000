// What the whole page shares: where it is, how it looks, the token, the time.
//
// P1  The token is in this tab's storage and in headers, never in an address.

import { computed, effect, signal } from '@preact/signals';
import { routeOf, type Route } from '../src/model/route.ts';
import { forThisTab, kept } from './store.ts';

// ---- Where it is

type Place = { readonly path: string; readonly search: string };

const place = signal<Place>(placeNow());
export const route = computed<Route>(() => routeOf(place.value.path));
export const query = computed(() => new URLSearchParams(place.value.search));

window.addEventListener('popstate', () => {
  place.value = placeNow();
});

/** To another page, or another filter of the same one. */
export function go(href: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  place.value = placeNow();
}

/** Another query of the same page, without a step in the history: what is typed isn't a place to go back to. */
export function setQuery(next: URLSearchParams): void {
  const search = next.toString().replaceAll('%2C', ',');
  go(`${location.pathname}${search === '' ? '' : `?${search}`}`, 'replace');
}

function placeNow(): Place {
  return { path: location.pathname, search: location.search };
}

// ---- How it looks

export type Theme = 'system' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = signal<Theme>(THEMES.find((name) => name === kept.read('theme')) ?? 'system');
const prefersDark = mediaSignal('(prefers-color-scheme: dark)');
export const isDark = computed(() => theme.value === 'dark' || (theme.value === 'system' && prefersDark.value));
export const isNarrow = mediaSignal('(max-width: 899px)');

effect(() => {
  const { dataset } = document.documentElement;
  if (theme.value === 'system') delete dataset['theme'];
  else dataset['theme'] = theme.value;
  kept.write('theme', theme.value === 'system' ? null : theme.value);
});

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
}

function mediaSignal(media: string): { readonly value: boolean } {
  const list = matchMedia(media);
  const matches = signal(list.matches);
  list.addEventListener('change', () => {
    matches.value = list.matches;
  });
  return matches;
}

// ---- Keys and help

/** Single keys can be turned off, for those who speak to their machine or hit keys unwillingly. */
export const hasKeys = signal(kept.read('keys') !== 'off');
export const showsKeys = signal(false);
export const showsWelcome = signal(kept.read('welcome') !== 'seen');

effect(() => kept.write('keys', hasKeys.value ? null : 'off'));
effect(() => kept.write('welcome', showsWelcome.value ? null : 'seen'));

// ---- The token

export const token = signal(forThisTab.read('token'));
/** Why one is asked for; null: none is. */
export const tokenAsked = signal<string | null>(null);

export function giveToken(text: string | null): void {
  forThisTab.write('token', text);
  token.value = text;
  tokenAsked.value = null;
}

// ---- The time

/** Moves on each second while the page is seen. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1_000);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) now.value = Date.now();
});
