// A container's own look at its /healthz: exit 0 for 200, else 1. The address is that of FILLSTREAM_HTTP, asked on this host.

const LIMIT_MS = 4_000;

const port = (process.env.FILLSTREAM_HTTP ?? '').split(':').at(-1);
try {
  const { status } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(LIMIT_MS) });
  process.exitCode = status === 200 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
