// The deadlines of a partition's orders, soonest first: a binary heap that tolerates stale entries.
//
// Q1  A slot's `queuedAt` names its one valid entry; every other entry of the slot is stale and skipped.
// Q2  `queuedAt` is never later than the order's deadline, so nothing fires late; an entry met early is queued again.
// Q3  The order is (deadline, address, oid): the order in which timers fire (contract §1).

import type { Slot } from './slot.ts';

export class Timers {
  readonly #deadlines: number[] = [];
  readonly #slots: Slot[] = [];

  /** Makes sure that the slot comes up at `deadline` or before. */
  schedule(slot: Slot, deadline: number): void {
    if (slot.queuedAt <= deadline) return;
    slot.queuedAt = deadline;
    this.#siftUp(this.#slots.length, deadline, slot);
  }

  /** The soonest valid entry's time; Infinity when there is none. */
  get soonest(): number {
    while (this.#slots[0] !== undefined && this.#slots[0].queuedAt !== this.#deadlines[0]) this.#removeFirst();
    return this.#deadlines[0] ?? Infinity;
  }

  /** Takes out the soonest entry at or before `until`; null when there is none. The slot is no longer queued. */
  takeDue(until: number): { readonly slot: Slot; readonly queuedAt: number } | null {
    for (;;) {
      const queuedAt = this.#deadlines[0];
      const slot = this.#slots[0];
      if (queuedAt === undefined || slot === undefined || queuedAt > until) return null;
      this.#removeFirst();
      if (slot.queuedAt !== queuedAt) continue;
      slot.queuedAt = Infinity;
      return { slot, queuedAt };
    }
  }

  #removeFirst(): void {
    const deadline = this.#deadlines.pop();
    const slot = this.#slots.pop();
    if (deadline === undefined || slot === undefined || this.#slots.length === 0) return;
    this.#siftDown(deadline, slot);
  }

  #siftUp(from: number, deadline: number, slot: Slot): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(deadline, slot, parent)) break;
      this.#copy(parent, place);
      place = parent;
    }
    this.#deadlines[place] = deadline;
    this.#slots[place] = slot;
  }

  #siftDown(deadline: number, slot: Slot): void {
    const size = this.#slots.length;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isEntryBefore(child + 1, child)) child += 1;
      if (this.#isBefore(deadline, slot, child)) break;
      this.#copy(child, place);
      place = child;
    }
    this.#deadlines[place] = deadline;
    this.#slots[place] = slot;
  }

  #copy(from: number, to: number): void {
    this.#deadlines[to] = this.#deadlineAt(from);
    this.#slots[to] = this.#slotAt(from);
  }

  #isEntryBefore(a: number, b: number): boolean {
    return this.#isBefore(this.#deadlineAt(a), this.#slotAt(a), b);
  }

  #isBefore(deadline: number, slot: Slot, place: number): boolean {
    const other = this.#deadlineAt(place);
    if (deadline !== other) return deadline < other;
    const otherSlot = this.#slotAt(place);
    if (slot.address !== otherSlot.address) return slot.address < otherSlot.address;
    return slot.oid < otherSlot.oid;
  }

  #deadlineAt(place: number): number {
    return this.#deadlines[place] ?? Infinity;
  }

  #slotAt(place: number): Slot {
    const slot = this.#slots[place];
    if (slot === undefined) throw new RangeError(`no timer at ${String(place)}`);
    return slot;
  }
}
