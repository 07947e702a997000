// What ingestors say to their group, and are told: texts of the roster (services/ingestor), which may be another version's.

import { z } from 'zod';

const SHARE = z.object({ addresses: z.array(z.string()), ticks: z.array(z.number()) });
const CLAIM = z.object({ capacity: z.number() });

export type Share = z.infer<typeof SHARE>;

/** null for what can't be read. */
export function shareOf(text: string | null): Share | null {
  return read(SHARE, text);
}

export function claimOf(text: string | null): z.infer<typeof CLAIM> | null {
  return read(CLAIM, text);
}

function read<T>(schema: z.ZodType<T>, text: string | null): T | null {
  try {
    return text === null ? null : schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
