// The gateway and its dashboard within `npm start`.

import { join } from 'node:path';
import type { Gateway } from '@fillstream/gateway';
import type { PartitionReport } from '@fillstream/client';
import { fileTokens } from '../gateway/gateway-command.ts';
import { embeddedPorts } from '../gateway/embedded-ports.ts';
import { LISTEN, needsTokens, type GatewayFlags } from '../gateway/gateway-flags.ts';
import { startGateway } from '../gateway/serving.ts';
import { tell } from '../flags.ts';
import type { PipelineObserver, PipelineParts } from './pipeline.ts';

export type Showing = { readonly observer: PipelineObserver; readonly close: () => Promise<void> };

/** A partition that hasn't got on for so long is in trouble. */
const STALLED_MS = 60_000;

/** `onServing` is told where the dashboard is. */
export function showing(flags: GatewayFlags, folder: string, onServing: (url: string) => void): Showing {
  const ends: (() => Promise<void> | void)[] = [];
  let wake = (): void => undefined;
  return {
    observer: {
      onStarted: async (parts) => {
        const ports = await embeddedPorts(folder, (partition) => workingOf(parts, partition));
        const authority = needsTokens(flags) ? await fileTokens(folder) : null;
        const gateway = await onAnyPort(flags, async (given) => (
          await startGateway({ flags: given, ports, authority, file: join(folder, 'gateway.db'), onTrouble: tell, onAudit: () => undefined })
        ));
        wake = () => ports.source.wake();
        const running = gateway.run().catch((error: unknown) => tell(`the gateway has ended: ${error instanceof Error ? error.message : String(error)}`, 'error'));
        ends.push(async () => await gateway.stop(), async () => await running, async () => await authority?.close(), () => ports.close());
        onServing(gateway.url);
      },
      onLoopEvent: (event) => {
        if (event.kind === 'committed' && event.commit.signals.length > 0) wake();
      },
    },
    close: async () => {
      for (const end of ends) await end();
    },
  };
}

/** Where nobody asked for a port of his own, another will do. */
async function onAnyPort(flags: GatewayFlags, start: (flags: GatewayFlags) => Promise<Gateway>): Promise<Gateway> {
  try {
    return await start(flags);
  } catch (error) {
    if (flags.listen !== LISTEN || !(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    return await start({ ...flags, listen: { ...LISTEN, port: 0 } });
  }
}

function workingOf({ processor }: PipelineParts, partition: number): Pick<PartitionReport, 'health' | 'pending'> {
  const standing = processor.standings.get(partition);
  const holdings = processor.holdings.get(partition);
  const pending = holdings === undefined || holdings === null ? null : Object.values(holdings.waits).reduce((sum, count) => sum + count, 0);
  if (standing === undefined) return { health: 'unowned', pending };
  if (standing.stage !== 'working') return { health: 'rebuilding', pending };
  return { health: performance.now() - standing.progressAt > STALLED_MS ? 'stalled' : 'ok', pending };
}
