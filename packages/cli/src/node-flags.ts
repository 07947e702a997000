// What the commands that read a node's files have in common.

/** The flag's description. */
export const NODE_FILE = 'a file with fills or order statuses that a Hyperliquid node wrote: plain, .gz, .zst or .lz4, or -; or a folder of such files';

/** What to do about files that have fills alone, as the public archives do. */
export function withoutStatuses(command: 'processor' | 'run'): string {
  return 'there is no order status in these files, so no order is known to have ended: each goes out by timeout, and stays on record for'
    + ` unfinishedMs, 30 days by default. Where they hold many addresses, give \`fillstream ${command}\` --set unfinishedMs=1d`;
}
