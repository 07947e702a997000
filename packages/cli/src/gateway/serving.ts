// A gateway as the commands run it: for `fillstream gateway`, and within `npm start`.

import type { Authority } from '@fillstream/gateway/tokens/authority';
import type { Gateway, GatewayOptions } from '@fillstream/gateway';
import type { GatewayPorts } from '@fillstream/gateway/ports';
import { accessOf, type GatewayFlags } from './gateway-flags.ts';

export type Serving = Pick<GatewayOptions, 'registry' | 'onAudit' | 'onTrouble'> & {
  readonly flags: GatewayFlags;
  readonly ports: GatewayPorts;
  /** Of the read model. */
  readonly file: string;
  /** null: no tokens are asked for. */
  readonly authority: Authority | null;
};

/** Serves at once; `run` follows the log. Throws UsageError and PortError; rejects when the address can't be had. */
export async function startGateway({ flags, ports, file, authority, ...rest }: Serving): Promise<Gateway> {
  const [{ Gateway: Service }, { loadAssets }] = await Promise.all([import('@fillstream/gateway'), import('@fillstream/dashboard')]);
  return await Service.start({ ...accessOf(flags), ports, feedFile: file, authority, assets: await loadAssets(), ...rest });
}
