/** Updates by the status page, in a real browser. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { needsBrowser } from '../kit/browser.js';
import { beyondStatus, bundle, enter, KERNEL, mapOf, result, ROFS, visit } from '../kit/page-visit.js';
import { startService } from '../kit/serve-kit.js';
import { sluice } from './run.js';
import { BLOCK, range } from './board.js';
import { until } from './start.js';
import { noise } from '../kit/noise.js';

t.test('without an index: what will change is shown, then it is written', needsBrowser, async (t) => {
  const { page, service, complaints } = await visit(t);
  const images = { kernel: KERNEL, rofs: ROFS, rwfs: noise(BLOCK, 3), 'u-boot': noise(BLOCK, 4) };
  await page.locator('#file').setInputFiles(bundle(service, 'stock', undefined, images));
  await page.getByText('the bundle is sent twice').waitFor();
  t.equal(await page.getByRole('checkbox', { name: 'u-boot-env' }).isDisabled(), true);
  for (const name of ['rofs', 'rwfs', 'u-boot']) {
    await page.getByRole('checkbox', { name, exact: true }).uncheck();
  }
  await page.getByRole('button', { name: 'Check first' }).click();
  t.match(
    await result(page),
    /Checked\s+The bundle is verified\. Nothing was written\.\s+kernel 5 of 5 blocks will change/,
  );
  t.equal(await mapOf(page, 'kernel'), 'kernel, 8 erase blocks: 3 not looked at, 5 will change');
  t.equal(await mapOf(page, 'rofs'), 'rofs, 12 erase blocks: 12 not looked at');

  const posted: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') posted.push(request.url().slice(service.url.length));
  });
  await page.getByRole('button', { name: 'Update now' }).click();
  await page.locator('#result h3', { hasText: 'Updated' }).waitFor();
  t.equal(posted.length, 1, 'it is not checked a second time');
  t.match(posted[0], /^\/v1\/update\?only=kernel&check=\w+$/);
  await page.getByRole('article', { name: 'kernel' }).getByText('2.20.0').waitFor();
  t.equal(await mapOf(page, 'kernel'), 'kernel, 8 erase blocks: 3 not looked at, 5 written');

  const { offset } = range('kernel');
  const chip = service.board.bytes();
  t.ok(chip.subarray(offset, offset + KERNEL.length).equals(KERNEL), 'the chip has it');
  await page.locator('#receipts summary').click();
  const receipt = await page.locator('#receipts details').innerText();
  t.match(receipt, /verified with key Generated before it was written/);
  t.match(receipt, /kernel 5 blocks: 0 unchanged, 5 written/);
  t.same(beyondStatus(complaints), []);
});

t.test('the map and the progress are live, in every window', needsBrowser, async (t) => {
  const { page, service, open, complaints } = await visit(t, { timing: { model: 'w25q256jv', scale: 0.4 } });
  const other = await open();
  await other.goto(service.url);
  await enter(other, service);
  await page.locator('#file').setInputFiles(bundle(service, 'proven'));
  await page.getByRole('button', { name: 'Update' }).click();
  const seen = new Set<number>();
  const article = other.getByRole('article', { name: 'rofs' });
  let progress = '';
  let figures = '';
  let running = '';
  for (let tries = 0; tries < 400 && seen.size < 4; tries++) {
    const written = Number(/(\d+) written/.exec(await mapOf(other, 'rofs'))?.[1] ?? 0);
    if (written > 0) seen.add(written);
    const text = await article.innerText();
    if (/left/.test(text)) progress = text;
    if (!/unknown/.test(await other.locator('.figures').innerText()))
      figures = await other.locator('.figures').innerText();
    running = (await other.locator('#job-title').innerText()) === 'Updating' ? 'Updating' : running;
  }
  t.ok(seen.size >= 3, `cells change while it goes on: ${[...seen].join(', ')}`);
  t.equal(running, 'Updating');
  t.match(progress, /\d+ of 12 blocks, \d:\d\d left/);
  t.match(figures, /Received\s+\d\.\d of 1\.1 MiB\s+Rate\s+\d\.\d MiB\/s\s+Time left\s+\d:\d\d/);
  await other.getByRole('heading', { name: 'Ready' }).waitFor();
  await other.getByText('Updated to 2.20.0').waitFor();
  t.match(await result(page), /^Updated/);
  t.same(beyondStatus(complaints), []);
});

t.test('a refused bundle tells what happened, how the flash is, and what next', needsBrowser, async (t) => {
  const { page, service } = await visit(t);
  const before = service.board.bytes();
  const damaged = bundle(service, 'proven', ({ bytes, places }) => {
    bytes.fill(1, places.get('image-kernel')?.start, places.get('image-kernel')?.end);
  });
  await page.locator('#file').setInputFiles(damaged);
  await page.getByRole('button', { name: 'Update' }).click();
  const text = await result(page);
  t.match(text, /^Refused/);
  t.match(text, /What happened\s+block 0 of image-kernel is not .*ERR_TRUST_BLOCK/);
  t.match(text, /The flash\s+Untouched/);
  t.match(text, /What next\s+The bundle was damaged or altered in transit\. Send it again\./);
  t.ok(service.board.bytes().equals(before));
  t.equal(
    await page.evaluate('document.activeElement.id'),
    'result',
    'what came of it is where the focus is',
  );
  await page.getByText('Refused 2.20.0').first().waitFor();

  const rubbish = join(service.dir, 'rubbish.bin');
  writeFileSync(rubbish, noise(8 * 1024 * 1024, 5));
  await page.locator('#file').setInputFiles(rubbish);
  await page.getByRole('button', { name: 'Update' }).click();
  await page.locator('#result', { hasText: 'ERR_BUNDLE' }).waitFor();

  for (const box of await page.getByRole('checkbox').all()) await box.uncheck();
  await page.getByRole('button', { name: 'Update' }).click();
  t.match(await result(page), /Select at least one/);
});

t.test('the page comes back when the service does', needsBrowser, async (t) => {
  const credentials = join(t.testdir(), 'credentials.json');
  // The service makes a new token at each start; a token of this file stays valid.
  const { stdout } = await sluice(['credentials', credentials, '--token', 'page', '--role', 'Operator']);
  const life = { config: { http: { credentials } }, token: false };
  const { page, service } = await visit(t, life, false);
  await enter(page, { ...service, token: stdout.trim() });
  await service.stop();
  await page.getByText('Not connected').waitFor();
  const again = await startService(t, {
    ...life,
    board: service.board,
    args: ['--http', `127.0.0.1:${service.port}`],
  });
  await until(() => again.port === service.port, 'it listens where it did');
  await page.getByText('Live').waitFor();
  t.equal(await page.getByRole('heading', { name: 'Sign in' }).count(), 0, 'nobody has to sign in again');
});
