// Loaded into a measured process: on exit it tells what the process took.

import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const usage = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: maxRSS / 1_024 };
  if (process.env['BENCH_USAGE'] !== undefined) writeFileSync(process.env['BENCH_USAGE'], JSON.stringify(usage));
});
