/** A visit to the status page: a service, a browser, bundles to send. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import { BLOCK } from '../system/board.js';
import { surf, type Surfer } from './browser.js';
import { makeBundle, type MadeBundle, type MakerKind } from './bundle-maker.js';
import { startService, type ServeOptions, type Service } from './serve-kit.js';
import { noise } from './noise.js';

export const KERNEL = noise(5 * BLOCK - 100, 1);
export const ROFS = noise(12 * BLOCK, 2);

/** Writes a bundle into the folder of a test. */
export function bundle(
  { dir }: Service,
  kind: MakerKind,
  change: (made: MadeBundle) => void = () => {},
  images: Record<string, Uint8Array> = { kernel: KERNEL, rofs: ROFS },
): string {
  const path = join(dir, `${kind}.tar`);
  const made = makeBundle({ images, kind, blockSize: BLOCK, version: '2.20.0' });
  change(made);
  writeFileSync(path, made.bytes);
  return path;
}

export interface Visit extends Surfer {
  readonly service: Service;
}

export async function visit(t: Test, options: ServeOptions = {}, signIn = true): Promise<Visit> {
  const service = await startService(t, options);
  const surfer = await surf(t);
  await surfer.page.goto(service.url);
  if (signIn) await enter(surfer.page, service);
  return { service, ...surfer };
}

export async function enter(page: Page, service: Service): Promise<void> {
  await page.getByLabel('Token or password').fill(service.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Ready' }).waitFor();
}

/** The map of a partition in words. */
export const mapOf = (page: Page, name: string): Promise<string> =>
  page
    .getByRole('article', { name, exact: true })
    .getByRole('img')
    .getAttribute('aria-label')
    .then((label) => label ?? '');

export const result = async (page: Page): Promise<string> => {
  await page.locator('#result h3').waitFor();
  return page.locator('#result').innerText();
};

/** What is left when answers of the service that are errors, which Chromium counts as errors too, are taken off. */
export const beyondStatus = (complaints: readonly string[]): readonly string[] =>
  complaints.filter(
    (text) => !/^Failed to load resource: the server responded with a status of 4\d\d/.test(text),
  );
