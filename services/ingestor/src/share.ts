// Which ingestor watches which address: as few as possible move, and nobody gets more than it can watch.
//
// S1  An address has one ingestor at most, and stays where it is watched while that one has room.
// S2  While anybody has room, no address is left over.
// S3  What is new goes to the ingestor with the fewest addresses.

/** An ingestor, how many addresses it can watch, and which it watches now. */
export type Member = { readonly name: string; readonly capacity: number; readonly watching: readonly string[] };

export type Shared = {
  /** By ingestor, sorted. */
  readonly shares: ReadonlyMap<string, readonly string[]>;
  /** What nobody has room for. */
  readonly left: readonly string[];
};

type Load = { readonly name: string; readonly capacity: number; readonly addresses: string[] };

/** The same for the same input, in whatever order it comes. */
export function share(addresses: readonly string[], members: readonly Member[]): Shared {
  const loads = members.map(({ name, capacity }): Load => ({ name, capacity, addresses: [] })).sort((a, b) => byText(a.name, b.name));
  const wanted = new Set(addresses);
  const watchedBy = Map.groupBy(members.flatMap(({ name, watching }) => [...new Set(watching)].map((address) => ({ name, address }))), ({ address }) => address);
  // Those that two watch go last: there is a choice of where they stay.
  const watched = [...watchedBy].filter(([address]) => wanted.has(address)).sort(([a, first], [b, second]) => first.length - second.length || byText(a, b));
  for (const [address, watchers] of watched) {
    if (place(address, loads.filter(({ name }) => watchers.some((watcher) => watcher.name === name)))) wanted.delete(address);
  }
  const left = [...wanted].sort(byText).filter((address) => !place(address, loads));
  return { shares: new Map(loads.map(({ name, addresses: held }) => [name, held.sort(byText)])), left };
}

/** False when none of them has room. */
function place(address: string, loads: readonly Load[]): boolean {
  const open = loads.filter(({ capacity, addresses }) => addresses.length < capacity);
  const [first] = open;
  if (first === undefined) return false;
  open.reduce((least, load) => (load.addresses.length < least.addresses.length ? load : least), first).addresses.push(address);
  return true;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
