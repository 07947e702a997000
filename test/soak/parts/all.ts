// What is soaked.

import type { Kind } from '../part.ts';
import { EMBEDDED } from './embedded.ts';
import { GATEWAY } from './gateway.ts';
import { LIVE_FEED } from './live-feed.ts';
import { RUNTIME } from './runtime.ts';

export const KINDS: readonly Kind[] = [RUNTIME, EMBEDDED, LIVE_FEED, GATEWAY];
