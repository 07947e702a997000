// Who is followed: every address that has a signal.

import type { AddressSummary, GatewayError } from '@fillstream/client';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { errorOf, gatewayClient } from '../fetched.ts';
import { AddressLink, When } from '../parts/basics.tsx';
import { Icon } from '../parts/icon.tsx';
import { counted } from '../parts/list-parts.tsx';
import { Failed, Loading, Notice } from '../parts/states.tsx';
import { token } from '../state.ts';

const PAGE = 200;

type Listed = { readonly addresses: readonly AddressSummary[]; readonly next: string | null };

export function AddressesPage() {
  const listed = useSignal<Listed | null>(null);
  const error = useSignal<GatewayError | null>(null);
  const isBusy = useSignal(false);
  const stop = useRef(new AbortController());
  const more = async (): Promise<void> => {
    const { signal } = stop.current;
    isBusy.value = true;
    try {
      const after = listed.value?.next ?? null;
      const page = await gatewayClient().addresses({ limit: PAGE, ...(after === null ? {} : { after }) }, { signal });
      listed.value = { addresses: [...(listed.value?.addresses ?? []), ...page.addresses], next: page.next };
      error.value = null;
    } catch (thrown) {
      if (!signal.aborted) error.value = errorOf(thrown);
    }
    isBusy.value = false;
  };
  useEffect(() => {
    stop.current = new AbortController();
    listed.value = null;
    void more();
    return () => stop.current.abort();
  }, [token.value]);
  const all = listed.value;
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>Addresses</h1>
        {all === null ? null : (
          <p class="quiet">
            {counted(all.addresses.length)}
            {all.next === null ? '' : ' and more'}, each with a signal at least
          </p>
        )}
      </div>
      {error.value === null ? null : <Failed error={error.value} what="the addresses" />}
      {all === null ? (
        error.value === null ? (
          <Loading what="the addresses" />
        ) : null
      ) : all.addresses.length === 0 ? (
        <Notice icon="people" title="No address has a signal yet" />
      ) : (
        <Table addresses={all.addresses} />
      )}
      {all === null || all.next === null ? null : (
        <p>
          <button type="button" class="button" disabled={isBusy.value} onClick={() => void more()}>
            <Icon name="down" /> More
          </button>
        </p>
      )}
    </div>
  );
}

function Table({ addresses }: { readonly addresses: readonly AddressSummary[] }) {
  return (
    <div class="card scrolls" tabIndex={0} role="region" aria-label="Addresses">
      <table>
        <thead>
          <tr>
            <th>Address</th>
            <th class="number">Signals</th>
            <th class="number">Orders</th>
            <th>Last fill</th>
          </tr>
        </thead>
        <tbody>
          {addresses.map(({ address, signals, orders, lastFillAt }) => (
            <tr key={address}>
              <th scope="row">
                <AddressLink address={address} whole />
              </th>
              <td class="number">{counted(signals)}</td>
              <td class="number">{counted(orders)}</td>
              <td>
                <When at={lastFillAt} focusable={false} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
