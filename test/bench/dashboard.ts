// `npm run bench:dashboard`: the page of live signals in a real Chromium, while signals come at a rate: how smoothly it draws, how late
// a signal is on the screen, and what the page costs. The baseline is the same page while nothing comes.
//
//   --rate N      signals a second (1000)      --runs N      (3)
//   --measure S   seconds of each (20)         --quick       a smoke run        --record    a line for the history
//
// Gateway and log are in this process, the browser in its own; a gateway under load is bench:gateway's.

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { chromiumOr, watchedPage } from '../end-to-end/dashboard-browser.ts';
import { Site } from '../end-to-end/dashboard-site.ts';
import { figure, median, quantileOf } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';

type Run = { readonly framesPerSecond: number; readonly longestFrameMs: number; readonly p50Ms: number; readonly p99Ms: number; readonly cores: number };
/** `shown`: when each order was first on top of the list. */
type Seen = { readonly frames: readonly number[]; readonly shown: readonly (readonly [oid: string, at: number])[] };

const BEAT_MS = 50;
const WARM_UP_S = 5;
/** In the page, each time it draws. */
const WATCH = `async (ms) => {
  const frame = () => new Promise(requestAnimationFrame);
  const [frames, shown, until] = [[], [], performance.now() + ms];
  for (let last = await frame(); last < until;) {
    const now = await frame();
    frames.push(now - last);
    last = now;
    const oid = document.querySelector('[data-seq] .cell.order')?.textContent.trim() ?? '';
    if (oid !== '' && shown.at(-1)?.[0] !== oid) shown.push([oid, Date.now()]);
  }
  return { frames, shown };
}`;
const VIEWPORT = { width: 1_440, height: 900 };

const { values } = parseArgs({
  options: {
    ...RECORD_OPTION, quick: { type: 'boolean', default: false }, rate: { type: 'string', default: '1000' },
    measure: { type: 'string', default: '20' }, runs: { type: 'string', default: '3' },
  },
});
const [rate, seconds, runs] = [Number(values.rate), values.quick ? 3 : Number(values.measure), values.quick ? 1 : Number(values.runs)];
const recorder = new Recorder('dashboard', values);
const browser = await chromiumOr();
if (typeof browser === 'string') throw new Error(browser);
const site = await Site.start({ orders: 300 });
const appendedAt = new Map<string, number>();

const [idle, busy]: [Run[], Run[]] = [[], []];
for (let run = 0; run < runs; run += 1) {
  idle.push(await measured(browser, 0));
  busy.push(await measured(browser, rate));
}
await browser.close();
await site.end();
report('nothing comes', idle);
report(`${String(rate)} signals/s`, busy);
recorder.add({
  settings: { rate, measured: seconds, runs },
  baseline: 'the page while nothing comes',
  figures: [
    figure('live signals', 'frames', '1/s', of(busy, 'framesPerSecond'), { base: of(idle, 'framesPerSecond') }),
    figure('live signals', 'longest frame', 'ms', of(busy, 'longestFrameMs'), { base: of(idle, 'longestFrameMs') }),
    figure('live signals', 'late, p50', 'ms', of(busy, 'p50Ms')),
    figure('live signals', 'late, p99', 'ms', of(busy, 'p99Ms')),
    figure('live signals', 'CPU', 'cores', of(busy, 'cores')),
  ],
});

function of(measurements: readonly Run[], name: keyof Run): number[] {
  return measurements.map((each) => each[name]);
}

function report(what: string, measurements: readonly Run[]): void {
  const medians = (['framesPerSecond', 'longestFrameMs', 'p50Ms', 'p99Ms', 'cores'] as const).map((name) => ({ name, value: median(of(measurements, name)) }));
  console.log(`${what}: ${medians.filter(({ value }) => !Number.isNaN(value)).map(({ name, value }) => `${name} ${value.toFixed(1)}`).join(', ')}`);
}

async function measured(chromium: Browser, perSecond: number): Promise<Run> {
  const { page, context, close } = await watchedPage(chromium, site.url, { viewport: VIEWPORT });
  await page.goto(site.url);
  await page.locator('[data-link=live]').waitFor();
  const stop = new AbortController();
  const trading = trade(perSecond, stop.signal);
  await sleep(WARM_UP_S * 1_000);
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  const busyFor = async (): Promise<number> => (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  const before = await busyFor();
  const seen = await watch(page, seconds * 1_000);
  const cores = (await busyFor() - before) / seconds;
  stop.abort();
  await trading;
  await close();
  return runOf(seen, cores);
}

/** In small steps, by the clock: what a step is late for the next one makes up. */
async function trade(perSecond: number, stop: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let done = 0; !stop.aborted;) {
    const due = Math.floor((performance.now() - began) / 1_000 * perSecond) - done;
    if (due > 0) {
      const at = Date.now();
      for (const { oid } of await site.trade(due, 1)) appendedAt.set(String(oid), at);
      done += due;
    }
    await sleep(BEAT_MS);
  }
}

async function watch(page: Page, forMs: number): Promise<Seen> {
  return await page.evaluate<Seen>(`(${WATCH})(${String(forMs)})`);
}

function runOf({ frames, shown }: Seen, cores: number): Run {
  const late = shown.slice(1).flatMap(([oid, at]) => {
    const appended = appendedAt.get(oid);
    return appended === undefined ? [] : [at - appended];
  }).sort((a, b) => a - b);
  const total = frames.reduce((sum, ms) => sum + ms, 0);
  return { framesPerSecond: frames.length / total * 1_000, longestFrameMs: Math.max(...frames), p50Ms: quantileOf(late, 0.5), p99Ms: quantileOf(late, 0.99), cores };
}
