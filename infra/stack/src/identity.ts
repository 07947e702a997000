// Which process a pid means. Pids are used again; a pid together with the moment its process started isn't.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own words: to be compared, not read. */
  readonly started: string;
}

/** The identity of the process that has this pid now, null when there is none. A zombie is none. */
export function identify(pid: number): ProcessIdentity | null {
  const started = process.platform === 'linux' ? startOnLinux(pid) : startFromPs(pid);
  return started === null ? null : { pid, started };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/** Sends a signal if the pid still is this process; false when it isn't. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** `BOOT:TICKS`: ticks alone repeat after the machine starts again. */
function startOnLinux(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may itself have spaces; the third is the state,
    // the 20th the number of threads, the 22nd the start.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const [state = '', threads = '', ticks = ''] = [fields[0], fields[17], fields[19]];
    // A zombie whose other threads still end holds on to its ports and locks.
    if ('ZX'.includes(state) && Number(threads) <= 1) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
  } catch {
    return null;
  }
}

function startFromPs(pid: number): string | null {
  try {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const args = ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)];
    const line = execFileSync('ps', args, { encoding: 'utf8', env, stdio: 'pipe' });
    const [state = '', ...started] = line.trim().split(/\s+/);
    return state === '' || state.startsWith('Z') ? null : started.join(' ');
  } catch {
    return null;
  }
}
