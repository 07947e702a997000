// What a part of a page shows while it has nothing else to show.

import type { GatewayError } from '@fillstream/client';
import type { ComponentChildren } from 'preact';
import { tokenAsked } from '../state.ts';
import { Icon, type IconName } from './icon.tsx';

export function Notice({
  icon,
  title,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="notice">
      <Icon name={icon} />
      <p class="notice-title">{title}</p>
      {children}
    </div>
  );
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <div class="notice" role="status">
      <span class="bars" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <p>Loading {what} …</p>
    </div>
  );
}

/** `what`: what couldn't be had, for the middle of a sentence. */
export function Failed({ error, what }: { readonly error: GatewayError; readonly what: string }) {
  const needsToken = error.code === 'unauthorized' || error.code === 'forbidden';
  return (
    <div role="alert">
      <Notice icon={needsToken ? 'key' : 'quarantine'} title={TITLES[error.code] ?? `The gateway couldn’t give ${what}.`}>
        <p>{error.message}</p>
        {needsToken ? (
          <button
            type="button"
            class="button"
            onClick={() => {
              tokenAsked.value = error.message;
            }}
          >
            Enter a token
          </button>
        ) : (
          error.retryable && <p class="quiet">It is asked again every few seconds.</p>
        )}
      </Notice>
    </div>
  );
}

const TITLES: Readonly<Partial<Record<GatewayError['code'], string>>> = {
  unauthorized: 'A token is needed to see this.',
  forbidden: 'The token isn’t good for this.',
  'not-found': 'There is no such thing on the log.',
  'not-ready': 'The gateway is still reading the log.',
  unavailable: 'The gateway can’t be reached.',
  'too-many': 'Too many requests: the gateway asks to wait.',
};
