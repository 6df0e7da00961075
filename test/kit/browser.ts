/** Debian's Chromium, driven by playwright-core: what tests of the status page share. */
import { existsSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import root, { type Test } from 'tap';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where the browser is; undefined where there is none. */
export const chromium = [process.env['SLUICE_CHROMIUM'] ?? '', ...CHROMIUM].find((path) => existsSync(path));

/** Options for a test that needs it. */
export const needsBrowser = {
  skip: chromium === undefined && 'no Chromium (Debian: package chromium; or SLUICE_CHROMIUM names one)',
};

const FLAGS = [
  // Without the rights to make a sandbox, as in most containers, it does not start with one.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

export interface Surfer {
  readonly page: Page;
  /** What the browser complained about: errors of scripts, of the console, of the content security policy. */
  readonly complaints: string[];
  /** A further window. */
  open(): Promise<Page>;
}

let running: Promise<Browser> | undefined;

/** One browser for all tests of a file; each test has a profile of its own in it. */
function browser(): Promise<Browser> {
  if (running === undefined) {
    running = import('playwright-core').then(({ chromium: engine }) =>
      engine.launch({ executablePath: chromium ?? '', headless: true, args: FLAGS }),
    );
    root.teardown(async () => (await running)?.close());
  }
  return running;
}

/** An empty page in an empty profile. */
export async function surf(t: Test, options: BrowserContextOptions = {}): Promise<Surfer> {
  const context = await (
    await browser()
  ).newContext({ locale: 'en-GB', viewport: { width: 1200, height: 900 }, ...options });
  t.teardown(() => context.close());
  const complaints: string[] = [];
  context.on('page', (page) => {
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
  });
  return { page: await context.newPage(), complaints, open: () => context.newPage() };
}
