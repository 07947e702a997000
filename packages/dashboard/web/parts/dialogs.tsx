// The two dialogs: the keys, and the token.

import { useEffect, useRef } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { giveToken, hasKeys, showsKeys, tokenAsked } from '../state.ts';
import { Icon } from './icon.tsx';

function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="dialog-title"
      onClose={onClose}
      onClick={({ target, currentTarget }) => {
        if (target === currentTarget) currentTarget.close();
      }}
    >
      <div class="dialog-body">
        <h2 id="dialog-title">{title}</h2>
        <button type="button" class="button icon-only corner" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
        {children}
      </div>
    </dialog>
  );
}

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['/'], 'To the filter'],
  [['j', '↓'], 'Next row'],
  [['k', '↑'], 'Previous row'],
  [['PgUp', 'PgDn', 'Home', 'End'], 'Further'],
  [['Enter'], 'Open the row’s order'],
  [['a'], 'Open the row’s address'],
  [['Space'], 'Pause, resume'],
  [['Esc'], 'Leave the list, back to live'],
  [['g', 'l'], 'Live'],
  [['g', 'a'], 'Addresses'],
  [['g', 'h'], 'Health'],
  [['g', 'q'], 'Quarantine'],
  [['?'], 'This'],
];

export function KeysDialog() {
  if (!showsKeys.value) return null;
  return (
    <Dialog
      title="Keys"
      onClose={() => {
        showsKeys.value = false;
      }}
    >
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={hasKeys.value}
          onChange={({ currentTarget }) => {
            hasKeys.value = currentTarget.checked;
          }}
        />{' '}
        Single keys do something
      </label>
    </Dialog>
  );
}

export function TokenDialog() {
  const why = tokenAsked.value;
  const input = useRef<HTMLInputElement>(null);
  if (why === null) return null;
  return (
    <Dialog
      title="A token, please"
      onClose={() => {
        tokenAsked.value = null;
      }}
    >
      <p>
        This gateway only answers those who have a token: <span class="quiet">{why}</span>
      </p>
      <form
        class="token-form"
        onSubmit={(event) => {
          event.preventDefault();
          const text = input.current?.value.trim() ?? '';
          if (text !== '') giveToken(text);
        }}
      >
        <label class="field">
          <span>Token</span>
          <input
            ref={input}
            type="password"
            class="mono"
            name="token"
            placeholder="fst_…"
            autocomplete="off"
            spellcheck={false}
            required
          />
        </label>
        <p class="quiet">
          It is kept in this tab until it is closed, and sent in headers alone. <code>npx fillstream token</code> makes one.
        </p>
        <button type="submit" class="button primary">
          Use it
        </button>
      </form>
    </Dialog>
  );
}
