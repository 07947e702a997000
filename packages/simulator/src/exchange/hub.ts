// Who listens to what.

import { assertNever } from '../invariant.ts';
import type { Parcel } from './floor.ts';
import type { Channel, Subscription } from './frames.ts';
import { fillsFrame, slicesFrame, updatesFrame, webDataFrame } from './frames.ts';

/** A connection, as the hub knows it. */
export type Subscriber = { readonly deliver: (address: string, frame: string) => void };

export class Hub {
  readonly #subscribers = new Map<string, Set<Subscriber>>();

  add({ type, user }: Subscription, subscriber: Subscriber): void {
    const key = `${type}:${user}`;
    const known = this.#subscribers.get(key);
    if (known === undefined) this.#subscribers.set(key, new Set([subscriber]));
    else known.add(subscriber);
  }

  remove({ type, user }: Subscription, subscriber: Subscriber): void {
    const key = `${type}:${user}`;
    const known = this.#subscribers.get(key);
    known?.delete(subscriber);
    if (known?.size === 0) this.#subscribers.delete(key);
  }

  send(parcel: Parcel, now: number): void {
    const { address } = parcel;
    switch (parcel.kind) {
      case 'fills': {
        const slices = parcel.fills.filter((fill) => fill.twapId !== null);
        this.#send('userFills', address, () => fillsFrame(address, parcel.fills, false));
        if (slices.length > 0) this.#send('userTwapSliceFills', address, () => slicesFrame(address, slices, false));
        return;
      }
      case 'updates':
        this.#send('orderUpdates', address, () => updatesFrame(parcel.updates));
        return;
      case 'value':
        this.#send('webData2', address, () => webDataFrame(address, parcel.value, now));
        return;
      default:
        assertNever(parcel);
    }
  }

  #send(channel: Channel, address: string, frame: () => string): void {
    const subscribers = this.#subscribers.get(`${channel}:${address}`);
    if (subscribers === undefined) return;
    const text = frame();
    for (const subscriber of subscribers) subscriber.deliver(address, text);
  }
}
