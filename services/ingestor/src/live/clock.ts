/** A clock in milliseconds since the epoch: the wall clock, but that it never goes back. */
export function forwardClock(): () => number {
  let latest = 0;
  return () => {
    latest = Math.max(latest, Date.now());
    return latest;
  };
}
