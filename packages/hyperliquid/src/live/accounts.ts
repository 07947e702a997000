// Account values by REST, each address once a period, spread over it.
//
// A1  They give way to every other request: a poll that is late is left out, not made up for.

import { InfoError, PRIORITY, type AccountValue, type InfoClient } from './info.ts';
import { isStopped, sleep } from './waiting.ts';

export type AccountsOptions = {
  readonly info: InfoClient;
  readonly periodMs: number;
  readonly signal: AbortSignal;
  /** Those to be asked for, now. */
  readonly addresses: () => readonly string[];
  readonly onValue: (address: string, value: AccountValue) => void;
};

/** Without an address to ask for, one is looked for so often in a period. */
const LOOKS = 60;

/** Runs until the signal. */
export async function pollAccounts({ info, periodMs, signal, addresses, onValue }: AccountsOptions): Promise<void> {
  for (let turn = 0; !isStopped(signal); turn += 1) {
    const known = addresses();
    const address = known[turn % Math.max(known.length, 1)];
    const started = performance.now();
    if (address !== undefined) await pollOne(address);
    const share = periodMs / (known.length === 0 ? LOOKS : known.length);
    await sleep(Math.max(0, share - (performance.now() - started)), signal);
  }

  async function pollOne(address: string): Promise<void> {
    try {
      const value = await info.accountValue(address, { priority: PRIORITY.account, signal });
      if (!isStopped(signal)) onValue(address, value);
    } catch (error) {
      if (!isStopped(signal) && !(error instanceof InfoError)) throw error; // One that isn't answered was told by the client.
    }
  }
}
