// A real Chromium for tests: the system's own, driven over its debugging protocol.
//
// B1  Without one the tests are skipped, loudly: `chromiumOr` says why.
// B2  What a page must never do is collected while it does it: errors (a violation of its policy is
//     one, on its console) and requests to others.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];
const INSTALL_TIMEOUT_MS = 180_000;

/** A browser, installed where that is possible; or why there is none. Close it after use. */
export async function chromiumOr(): Promise<Browser | string> {
  const program = programOf() ?? installed();
  if (program === null) return `no Chromium at ${PLACES.join(', ')}, and apt-get can't install it here`;
  // Its sandbox doesn't start as root; what it opens here is our own page.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  try {
    return await chromium.launch({ executablePath: program, args });
  } catch (error) {
    return `${program} doesn't start: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function programOf(): string | null {
  return PLACES.find((place) => existsSync(place)) ?? null;
}

function installed(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const install = ['install', '-y', '--no-install-recommends', 'chromium'];
  const options = { timeout: INSTALL_TIMEOUT_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  if (spawnSync('apt-get', install, options).status !== 0) {
    spawnSync('apt-get', ['update'], options);
    spawnSync('apt-get', install, options);
  }
  return programOf();
}

export type Watched = {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong since it was opened, or since it was last asked for. */
  readonly faults: () => readonly string[];
  readonly close: () => Promise<void>;
};

/** A page of its own, watched. `expected`: faults that the test brings about itself. */
export async function watchedPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
  expected = /^$/,
): Promise<Watched> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  let faults: string[] = [];
  const note = (fault: string): void => {
    if (!expected.test(fault)) faults.push(fault);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') note(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => note(`error: ${error.stack ?? error.message}`));
  const own = new URL(origin).host;
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== own) note(`external request: ${request.url()}`);
  });
  return {
    page,
    context,
    faults: () => {
      const found = faults;
      faults = [];
      return found;
    },
    close: async () => await context.close(),
  };
}
