// A container's own look at its /healthz: exit 0 for 200, else 1. The port is that of FILLSTREAM_HTTP, or else the one at which a
// gateway has its clients (FILLSTREAM_LISTEN), asked on this host.

const LIMIT_MS = 4_000;

const port = (process.env.FILLSTREAM_HTTP ?? process.env.FILLSTREAM_LISTEN ?? '').split(':').at(-1);
try {
  const { status } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(LIMIT_MS) });
  process.exitCode = status === 200 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
