import type { PartitionReport } from '@fillstream/client';

/** Of all partitions; null where one of them isn't known. */
export function pendingOf(partitions: readonly PartitionReport[]): number | null {
  return partitions.reduce<number | null>((sum, { pending }) => (sum === null || pending === null ? null : sum + pending), 0);
}
