// The page: one frame, and in it what the address says.

import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { pathOf, shortAddress, type Route } from '../src/model/route.ts';
import { listenToKeys } from './keys.ts';
import { AddressPage } from './pages/address.tsx';
import { AddressesPage } from './pages/addresses.tsx';
import { HealthPage } from './pages/health.tsx';
import { LivePage } from './pages/live.tsx';
import { OrderPage } from './pages/order.tsx';
import { QuarantinePage } from './pages/quarantine.tsx';
import { Link } from './parts/basics.tsx';
import { KeysDialog, TokenDialog } from './parts/dialogs.tsx';
import { Header, LinkBanner } from './parts/header.tsx';
import { Notice } from './parts/states.tsx';
import { route } from './state.ts';

function App() {
  const at = route.value;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const path = pathOf(at);
  useEffect(() => {
    document.title = `${titleOf(at)} · fillstream`;
    // Whoever can't see that the page is another one hears its heading.
    if (!isFirst.current) main.current?.querySelector<HTMLElement>('h1')?.focus();
    isFirst.current = false;
  }, [path]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header />
      <LinkBanner />
      <main id="main" ref={main} tabIndex={-1} class={at.kind === 'live' ? 'fills' : ''}>
        <Page key={path} at={at} />
      </main>
      <KeysDialog />
      <TokenDialog />
    </>
  );
}

function Page({ at }: { readonly at: Route }) {
  switch (at.kind) {
    case 'live':
      return <LivePage />;
    case 'addresses':
      return <AddressesPage />;
    case 'address':
      return <AddressPage address={at.address} />;
    case 'order':
      return <OrderPage address={at.address} oid={at.oid} />;
    case 'health':
      return <HealthPage />;
    case 'quarantine':
      return <QuarantinePage />;
    case 'unknown':
      return (
        <div class="page">
          <h1 tabIndex={-1} class="unseen">
            No such page
          </h1>
          <Notice icon="search" title="There is no such page">
            <p>
              <code>{at.path}</code>
            </p>
            <Link to={{ kind: 'live' }} class="button">
              To the live signals
            </Link>
          </Notice>
        </div>
      );
  }
}

function titleOf(at: Route): string {
  switch (at.kind) {
    case 'live':
      return 'Live';
    case 'addresses':
      return 'Addresses';
    case 'address':
      return shortAddress(at.address);
    case 'order':
      return `Order ${String(at.oid)}`;
    case 'health':
      return 'Health';
    case 'quarantine':
      return 'Quarantine';
    case 'unknown':
      return 'No such page';
  }
}

listenToKeys();
const root = document.querySelector('#app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
