// Keys that work on every page.

import { pathOf, type Route } from '../src/model/route.ts';
import { go, hasKeys, showsKeys } from './state.ts';

const PAGES: Readonly<Record<string, Route>> = {
  l: { kind: 'live' },
  a: { kind: 'addresses' },
  h: { kind: 'health' },
  q: { kind: 'quarantine' },
};
/** `g`, and then a letter within this time. */
const SECOND_KEY_MS = 1_500;

export function listenToKeys(): void {
  let prefixAt = -Infinity;
  // Before the list sees it: there `a` alone has a meaning of its own.
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !hasKeys.value || isTyping(event.target)) return;
      const page = performance.now() - prefixAt < SECOND_KEY_MS ? PAGES[event.key] : undefined;
      prefixAt = event.key === 'g' ? performance.now() : -Infinity;
      if (page !== undefined) go(pathOf(page));
      else if (event.key === '?') showsKeys.value = true;
      else if (event.key === '/') focusFirst('[data-first-filter]', '.filters button', '.go-to input');
      else if ((event.key === 'j' || event.key === 'k') && !isIn(event.target, '[data-grid]'))
        focusFirst('[data-grid] [role=row][tabindex="0"]');
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );
}

function focusFirst(...selectors: readonly string[]): void {
  for (const selector of selectors) {
    const element = document.querySelector<HTMLElement>(selector);
    if (element === null) continue;
    element.focus();
    if (element instanceof HTMLInputElement) element.select();
    return;
  }
}

function isTyping(target: EventTarget | null): boolean {
  return isIn(target, 'input:not([type=checkbox]), textarea, select, dialog');
}

function isIn(target: EventTarget | null, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null;
}
