// The dashboard in a real Chromium, served by a real gateway. TEST_SCREENSHOTS=docs writes the README's pictures anew.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { ROOT } from './command.ts';
import { chromiumOr, watchedPage, type Watched } from './dashboard-browser.ts';
import { Site } from './dashboard-site.ts';
import { until } from './until.ts';

const browser = await chromiumOr();
const skip = typeof browser === 'string' ? `THE DASHBOARD WAS NOT TRIED IN A BROWSER: ${browser}` : false;
const SHOTS = join(ROOT, '.fillstream/test/dashboard');
const PICTURES = join(ROOT, 'docs/images');
const forDocs = process.env['TEST_SCREENSHOTS'] === 'docs';
const PATIENCE_MS = 60_000;
const DESKTOP = { width: 1_440, height: 900 };
const PHONE = { width: 360, height: 740 };

let site: Site;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  if (forDocs) mkdirSync(PICTURES, { recursive: true });
  if (skip === false) site = await Site.start();
});

after(async () => {
  if (skip !== false || typeof browser === 'string') return;
  await browser.close();
  await site.end();
  assert.deepEqual(site.troubles, []);
});

/** A page at a path, in a context of its own; the test fails when it had any fault. */
async function open(
  t: TestContext,
  path: string,
  { at = site, expected, ...options }: BrowserContextOptions & { readonly at?: Site; readonly expected?: RegExp } = {},
): Promise<Page> {
  assert.ok(typeof browser !== 'string');
  const watched = await watchedPage(browser, at.url, { viewport: DESKTOP, ...options }, expected);
  watched.page.setDefaultTimeout(PATIENCE_MS);
  t.after(async () => await ended(watched));
  await watched.page.goto(at.url + path);
  return watched.page;
}

async function ended({ faults, close }: Watched): Promise<void> {
  const found = faults();
  await close();
  assert.deepEqual(found, []);
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** The README's pictures: while the market is busy, and small enough to be kept. */
async function picture(page: Page, name: string, height: number): Promise<void> {
  await shoot(page, `dashboard-${name}`);
  if (!forDocs) return;
  await page.setViewportSize({ width: 1_280, height });
  for (let turn = 0; turn < 16; turn += 1) {
    await site.trade(2, 150);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  await page.screenshot({ path: join(PICTURES, `dashboard-${name}.png`) });
}

const rows = (page: Page) => page.getByRole('grid').locator('[data-seq]');
const isLive = async (page: Page): Promise<void> => await page.locator('[data-link=live]').waitFor();
const count = async (page: Page): Promise<number> =>
  Number((await page.locator('[data-figure=count]').innerText()).replaceAll(',', ''));

/** An amount without what makes it readable. */
function plain(amount: string): string {
  return amount.replaceAll(/[,\s]/g, '').replace('−', '-').replace('+', '');
}

async function amountIn(page: Page, row: number, cell: string): Promise<string> {
  return plain(await rows(page).nth(row).locator(`.cell.${cell} .amount`).innerText());
}

async function focusedOid(page: Page): Promise<string> {
  return await page.evaluate(() =>
    String(Reflect.get(globalThis, 'document').activeElement?.querySelector('.cell.order')?.textContent),
  );
}

test('signals are listed with every digit, the newest first, and new ones come by themselves', { skip }, async (t) => {
  const page = await open(t, '/');
  await isLive(page);
  for (let turn = 0; turn < 2; turn += 1) {
    const newest = site.signals.at(-1)!;
    await page
      .getByRole('row')
      .filter({ hasText: String(newest.oid) })
      .first()
      .waitFor();
    assert.equal(await amountIn(page, 0, 'size'), newest.size);
    assert.equal(await amountIn(page, 0, 'price'), newest.price);
    assert.equal(await amountIn(page, 0, 'notional'), newest.notional);
    await site.trade(3);
  }
});

test('a time is in the zone of who looks, and in UTC when it is pointed at', { skip }, async (t) => {
  const page = await open(t, '/', { timezoneId: 'Asia/Tokyo' });
  await isLive(page);
  const time = rows(page).first().locator('time');
  const at = new Date((await time.getAttribute('datetime')) ?? '');
  assert.equal(await time.getAttribute('title'), `${at.toISOString().replace('T', ' ').replace('Z', '')} UTC`);
  assert.match(await time.innerText(), new RegExp(at.toLocaleTimeString('en-GB', { timeZone: 'Asia/Tokyo' })));
});

test('a newcomer is told what a signal is, once', { skip }, async (t) => {
  const page = await open(t, '/');
  await isLive(page);
  const welcome = page.getByRole('region', { name: 'Many fills, one signal' });
  assert.match(await welcome.innerText(), /For example: 0x.* (?:opened|closed|bought|sold)/);
  await picture(page, 'live', 620);
  await page.getByRole('button', { name: 'Got it' }).click();
  await page.reload();
  await isLive(page);
  assert.equal(await welcome.count(), 0);
});

test('filters narrow the list, are kept in the address, and can be cleared', { skip }, async (t) => {
  const page = await open(t, '/');
  await isLive(page);
  await page.getByRole('button', { name: 'SHORT', exact: true }).click();
  await page.getByLabel('Coin').fill('ETH');
  await page.getByLabel('Least USD').fill('1,000');
  await page.locator('summary', { hasText: 'Trigger' }).click();
  await page.getByRole('checkbox', { name: /^complete/ }).check();
  await page.waitForURL((url) => url.search === '?coins=ETH&sides=SHORT&minNotional=1000&triggers=complete');
  const wanted = (): number =>
    site.signals.filter(
      ({ side, coin, notional, trigger }) =>
        side === 'SHORT' && coin === 'ETH' && Number(notional) >= 1_000 && trigger === 'complete',
    ).length;
  await until('the matching rows', async () => (await count(page)) === wanted());
  await page.reload();
  await isLive(page);
  await until('the same rows after a reload', async () => (await count(page)) === wanted());
  assert.equal(await page.getByRole('button', { name: 'SHORT', exact: true }).getAttribute('aria-pressed'), 'true');
  await site.trade(60);
  await until('the matching ones of those that came', async () => (await count(page)) === wanted());
  await page.getByRole('button', { name: 'Clear' }).click();
  await until('all rows', async () => (await count(page)) > wanted());
  assert.equal(new URL(page.url()).search, '');
});

test("what can't be understood as a filter is marked, and what nothing matches says so", { skip }, async (t) => {
  const page = await open(t, '/');
  await isLive(page);
  await page.locator('[data-first-filter]').fill('0x12');
  await page.getByRole('alert').filter({ hasText: 'Expected 0x and 40 hex digits' }).waitFor();
  assert.equal(new URL(page.url()).search, '');
  await page.locator('[data-first-filter]').fill(`0x${'12'.repeat(20)}`);
  await page.getByText('No signal matches this filter yet').waitFor();
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await rows(page).first().waitFor();
});

test('the list works by keys alone: to it, along it, to an order and back, paused and live', { skip }, async (t) => {
  const page = await open(t, '/');
  await isLive(page);
  await page.keyboard.press('Tab');
  assert.equal(await page.locator(':focus').innerText(), 'Skip to the content');
  await page.keyboard.press('/');
  assert.equal(await page.locator(':focus').getAttribute('placeholder'), '0x…');
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  const newestFirst = site.signals.toReversed();
  assert.equal(await focusedOid(page), String(newestFirst[0]?.oid));
  for (const key of ['j', 'ArrowDown', 'k', 'j']) await page.keyboard.press(key);
  assert.equal(await focusedOid(page), String(newestFirst[2]?.oid));
  await page.getByText('Held while you read').waitFor();
  await site.trade(5);
  await page.getByRole('button', { name: /^\d+ new$/ }).waitFor();
  assert.equal(await focusedOid(page), String(newestFirst[2]?.oid));
  await page.keyboard.press('End');
  await until('the focus at the end', async () => Number(await page.locator(':focus').getAttribute('aria-rowindex')) > 200);
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/order/${newestFirst[0]?.address ?? ''}/${String(newestFirst[0]?.oid)}`);
  await page.getByRole('heading', { level: 1, name: String(newestFirst[0]?.oid) }).waitFor();
  await page.goBack();
  await isLive(page);
  await page.keyboard.press('Space');
  await page.getByText('Paused').waitFor();
  await page.keyboard.press('Space');
  await page.getByText('Paused').waitFor({ state: 'detached' });
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.getByRole('checkbox', { name: 'Single keys do something' }).uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  assert.equal(new URL(page.url()).pathname, '/');
});

test('twelve thousand rows are listed, few of them drawn, and none moves while somebody reads', { skip }, async (t) => {
  const busy = await Site.start({ orders: 40 });
  t.after(async () => await busy.end());
  const page = await open(t, '/', { at: busy });
  await isLive(page);
  for (let turn = 0; turn < 6; turn += 1) await busy.trade(2_000, 1);
  await until('all rows', async () => (await count(page)) === busy.signals.length);
  assert.equal(await page.getByRole('grid').getAttribute('aria-rowcount'), String(busy.signals.length + 1));
  assert.ok((await rows(page).count()) < 80);
  await page.getByRole('grid').evaluate((grid) => Reflect.set(grid, 'scrollTop', 180_000));
  await page.getByText('Held while you scroll').waitFor();
  const seen = async (): Promise<string[]> => await rows(page).locator('.cell.order').allInnerTexts();
  const place = Math.floor(180_000 / 32) + 2;
  const expected = String(busy.signals.at(-1 - place)?.oid);
  await until('the rows where it was scrolled to', async () => (await seen()).includes(expected));
  const held = await seen();
  assert.equal((await page.locator('[data-seq]', { hasText: expected }).first().getAttribute('aria-rowindex')) !== null, true);
  await busy.trade(1_000, 1);
  await page.getByRole('button', { name: /^1,\d{3} new$/ }).waitFor();
  assert.deepEqual(await seen(), held);
  assert.ok((await rows(page).count()) < 80);
  await page.getByRole('button', { name: /new$/ }).click();
  await until('the newest row on top', async () => (await seen())[0] === String(busy.signals.at(-1)?.oid));
});

test('an address shows its positions, its exact sums, and what it does', { skip }, async (t) => {
  const address = site.market.addresses[0]!;
  const page = await open(t, `/address/${address}`, { colorScheme: 'dark' });
  await isLive(page);
  const { positions } = await site.client.positions(address);
  const table = page.getByRole('region', { name: 'Last known positions' }).getByRole('table');
  await table.waitFor();
  const markets = await table.locator('tbody th').allInnerTexts();
  const sizes = await table.locator('tbody .amount').allInnerTexts();
  assert.deepEqual(
    markets.map((market, place) => `${market.replace(' spot', '')} ${plain(sizes[place] ?? '')}`),
    positions.map(({ symbol, size }) => `${symbol} ${size}`),
  );
  const { points } = await site.client.pnl(address);
  const net = await page.locator('.sums .amount').first().innerText();
  assert.equal(plain(net), points.at(-1)?.net);
  await page.locator('.chart canvas').waitFor();
  await picture(page, 'address', 720);
  const before = await rows(page).first().getAttribute('data-seq');
  await until('another signal of the address', async () => {
    await site.trade(10);
    return (await rows(page).first().getAttribute('data-seq')) !== before;
  });
});

test("an order's life is drawn, and told in words; a revision stands beside the one before", { skip }, async (t) => {
  const order = site.signals
    .filter(({ trigger, reversal }) => trigger === 'grace' && !reversal)
    .sort((a, b) => Math.abs(a.fillCount - 18) - Math.abs(b.fillCount - 18))[0]!;
  await site.append([site.market.revised(order)]);
  const page = await open(t, `/order/${order.address}/${String(order.oid)}`, { viewport: { width: 1_440, height: 1_150 } });
  const { life } = site.market.orders.get(`${order.address}/${String(order.oid)}`)!;
  const words = page.getByRole('region', { name: 'Events in words' });
  await words.waitFor();
  assert.equal(await words.locator('tbody tr').count(), life.events.length);
  assert.ok((await words.innerText()).includes('fills have five seconds to come'));
  const marks = page.locator('svg.life').getByRole('button');
  for (const lane of ['fill', 'status', 'timer', 'signal'])
    assert.ok((await page.locator(`svg.life .mark-of.${lane}`).count()) > 0, lane);
  await picture(page, 'order', 830);
  const grace = marks.filter({ hasText: 'timer: grace' });
  await grace.focus();
  await page.keyboard.press('Enter');
  assert.match(await page.locator('tr:focus').innerText(), /timer\s+grace/);
  assert.match(await page.getByRole('region', { name: 'Revisions' }).innerText(), /2[^]*1/);
});

test('health tells rates, latencies and each partition, and goes on by itself', { skip }, async (t) => {
  const page = await open(t, '/health', { colorScheme: 'dark' });
  const partitions = page.getByRole('region', { name: 'Partitions' }).getByRole('table');
  await partitions.waitFor();
  assert.deepEqual(await partitions.locator('tbody th').allInnerTexts(), ['0', '1', '2', '3']);
  assert.match(await partitions.locator('tbody tr').nth(2).innerText(), /rebuilding/);
  assert.equal(await page.locator('.chart canvas').count(), 3);
  const at = await page.locator('.page-head time').innerText();
  await site.trade(20);
  await until('another second', async () => (await page.locator('.page-head time').innerText()) !== at);
  await shoot(page, 'dashboard-health');
});

test('the quarantine lists what was refused with its reason, by reason', { skip }, async (t) => {
  const page = await open(t, '/quarantine');
  await page.locator('.record').first().waitFor();
  assert.equal(await page.locator('.record').count(), 5);
  await page.getByRole('button', { name: /^malformed/ }).click();
  assert.equal(await page.locator('.record').count(), 2);
  assert.match(
    await page.locator('.record').first().innerText(),
    /data\.px: expected a decimal[^]*fills\/2\/89926[^]*"px":"96412"/,
  );
});

test('addresses are listed, and found by what is typed or pasted', { skip }, async (t) => {
  const page = await open(t, '/addresses');
  const { addresses } = await site.client.addresses();
  await page.getByRole('region', { name: 'Addresses' }).waitFor();
  assert.deepEqual(
    await page.locator('tbody th').allInnerTexts(),
    addresses.map(({ address }) => address),
  );
  const { id, address, oid } = site.signals[0]!;
  await page.getByLabel('Address, order or signal id').fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'Expected 0x' }).waitFor();
  await page.getByLabel('Address, order or signal id').fill(id);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/order/${address}/${String(oid)}`);
});

test("what isn't there is told, with a way back", { skip }, async (t) => {
  const page = await open(t, '/nothing-here', { expected: /404/ });
  await page.getByText('There is no such page').waitFor();
  await page.goto(`${site.url}/order/0x${'ab'.repeat(20)}/1`);
  await page.getByText('There is no such thing on the log').first().waitFor();
  await page.getByRole('link', { name: 'Live', exact: true }).click();
  await isLive(page);
});

test('where tokens are needed one is asked for, kept in the tab, and in no address', { skip }, async (t) => {
  const guarded = await Site.start({ orders: 30, guarded: true });
  t.after(async () => await guarded.end());
  const page = await open(t, '/', { at: guarded, expected: /401/ });
  const asked: string[] = [];
  const carried: (string | undefined)[] = [];
  page.on('request', (request) => {
    asked.push(request.url());
    if (request.url().includes('/v1/')) carried.push(request.headers()['authorization']);
  });
  const dialog = page.getByRole('dialog', { name: 'A token, please' });
  await dialog.waitFor();
  const token = guarded.token();
  await dialog.getByLabel('Token').fill(token);
  await dialog.getByRole('button', { name: 'Use it' }).click();
  await isLive(page);
  await rows(page).first().waitFor();
  assert.ok(carried.includes(`Bearer ${token}`));
  assert.deepEqual(
    asked.filter((url) => url.includes('fst_')),
    [],
  );
  await page.reload();
  await isLive(page);
  await page.getByRole('button', { name: 'Forget the token' }).click();
  await dialog.waitFor();
});

test(
  'after the gateway was started anew the list goes on where it was, nothing missing and nothing twice',
  { skip },
  async (t) => {
    const own = await Site.start({ orders: 50 });
    t.after(async () => await own.end());
    const page = await open(t, '/', { at: own, expected: /WebSocket|ERR_CONNECTION|status of 50/ });
    await isLive(page);
    await own.close();
    await page.locator('[data-link=waiting]').waitFor();
    await page.getByText('The connection was lost').waitFor();
    await own.trade(40);
    await own.open();
    await isLive(page);
    await own.trade(5);
    await until('all signals, each once', async () => (await count(page)) === own.signals.length);
    await page.getByRole('grid').evaluate((grid) => Reflect.set(grid, 'scrollTop', 0));
    assert.equal(await rows(page).first().locator('.cell.order').innerText(), String(own.signals.at(-1)?.oid));
  },
);

test('light and dark are chosen by the system, or by hand for good', { skip }, async (t) => {
  const page = await open(t, '/health', { colorScheme: 'light' });
  const ground = async (): Promise<string> =>
    await page.evaluate(() =>
      String(Reflect.get(globalThis, 'getComputedStyle')(Reflect.get(globalThis, 'document').documentElement).backgroundColor),
    );
  await page.locator('.chart canvas').first().waitFor();
  const light = await ground();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await ground();
  assert.notEqual(light, dark);
  await page.getByRole('button', { name: 'Colours: system' }).click();
  assert.equal(await ground(), light);
  await page.reload();
  assert.equal(await ground(), light);
  await page.getByRole('button', { name: 'Colours: light' }).click();
  assert.equal(await ground(), dark);
});

const PAGES = (): readonly (readonly [name: string, path: string, ready: string])[] => {
  const { address, oid } = site.signals.find(({ trigger }) => trigger === 'grace')!;
  return [
    ['live', '/', '[data-link=live]'],
    ['addresses', '/addresses', 'tbody th'],
    ['address', `/address/${address}`, '.chart canvas'],
    ['order', `/order/${address}/${String(oid)}`, 'svg.life'],
    ['health', '/health', '.chart canvas'],
    ['quarantine', '/quarantine', '.record'],
  ];
};

async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`)
          .join(' | ')}`,
    );
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(
    `no page has a serious accessibility fault in ${colorScheme}, on a desk or on a phone, or is wider than a phone`,
    { skip },
    async (t) => {
      const page = await open(t, '/', { colorScheme, reducedMotion: 'reduce' });
      for (const [name, path, ready] of PAGES()) {
        for (const [device, viewport] of [
          ['desk', DESKTOP],
          ['phone', PHONE],
        ] as const) {
          await page.setViewportSize(viewport);
          await page.goto(site.url + path);
          await page.locator(ready).first().waitFor();
          assert.deepEqual(await seriousFaults(page), [], `${name} on a ${device}`);
          if (device === 'phone') assert.equal(await page.evaluate('document.documentElement.scrollWidth'), PHONE.width, name);
          await shoot(page, `${name}-${device}-${colorScheme}`);
        }
      }
    },
  );
}

test('no amount is cut off, and no page is wider than its window, from a phone to a wide screen', { skip }, async (t) => {
  const page = await open(t, '/');
  await isLive(page);
  await page.getByRole('button', { name: 'Got it' }).click();
  for (const width of [320, 360, 600, 768, 900, 1_024, 1_280, 1_440, 1_920, 2_560]) {
    await page.setViewportSize({ width, height: 1_000 });
    await until(`no amount cut off at ${String(width)}`, async () => (await page.evaluate(CUT_OFF)) === '');
    assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= width, String(width));
  }
});

/** Which amounts need more room than their cells have. */
const CUT_OFF = `[...document.querySelectorAll('[data-seq] .cell')].filter((cell) => cell.querySelector('.amount') !== null && cell.scrollWidth > cell.clientWidth + 1)
  .map((cell) => cell.innerText).join()`;

test('a phone has everything within reach: pages at the bottom, filters in a sheet, signals as cards', { skip }, async (t) => {
  const page = await open(t, '/', { viewport: PHONE, hasTouch: true, isMobile: true });
  await isLive(page);
  await page.getByRole('button', { name: 'Got it' }).tap();
  await page.getByRole('button', { name: 'Filter' }).tap();
  await page.getByRole('button', { name: 'LONG', exact: true }).tap();
  await page.waitForURL('**/?sides=LONG');
  await until('a card', async () => (await rows(page).first().innerText()).includes('LONG'));
  const price = site.signals.findLast(({ side }) => side === 'LONG')!.price;
  assert.equal(await amountIn(page, 0, 'price'), price);
  const box = (await rows(page).first().boundingBox())!;
  assert.ok(box.x >= 0 && box.x + box.width <= PHONE.width);
  await page.getByRole('link', { name: 'Quarantine' }).tap();
  await page.locator('.record').first().waitFor();
});
