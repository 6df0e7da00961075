/** Debian's Chromium, driven by playwright-core: what tests of the status page share. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { Test } from 'tap';

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

/** A browser with one empty page; it ends with the test. */
export async function surf(t: Test, options: BrowserContextOptions = {}): Promise<Surfer> {
  const { chromium: engine } = await import('playwright-core');
  const profile = mkdtempSync(join(tmpdir(), 'sluice-browser-'));
  const context: BrowserContext = await engine.launchPersistentContext(profile, {
    executablePath: chromium ?? '',
    headless: true,
    args: FLAGS,
    locale: 'en-GB',
    viewport: { width: 1200, height: 900 },
    ...options,
  });
  t.teardown(async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  });
  const complaints: string[] = [];
  const watch = (page: Page): void => {
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
  };
  context.on('page', watch);
  const page = context.pages()[0] ?? (await context.newPage());
  watch(page);
  return { page, complaints, open: () => context.newPage() };
}
