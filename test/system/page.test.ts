/** The status page in a real browser: who may see it, and that everybody can use it. */
import t from 'tap';
import { needsBrowser } from '../kit/browser.js';
import { beyondStatus, bundle, enter, mapOf, visit } from '../kit/page-visit.js';
import { startService } from '../kit/serve-kit.js';

t.test('who has no token sees nothing but the form; with it the board', needsBrowser, async (t) => {
  const { page, service, complaints } = await visit(t, {}, false);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  t.equal(await page.getByRole('heading', { name: 'Flash' }).count(), 0);
  t.notMatch(await page.content(), /quanta|chip\.bin/);
  await page.getByLabel('Token or password').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'token' }).waitFor();
  await enter(page, service);
  t.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'quanta-q71l');
  t.match(
    await page.getByRole('article', { name: 'rofs' }).innerText(),
    /rofs\s+768 KiB, 12 blocks\s+Content unknown/,
  );
  t.equal(await mapOf(page, 'kernel'), 'kernel, 8 erase blocks: 8 not looked at');
  t.equal(await page.getByRole('article').count(), 5, 'the whole chip is not shown beside its parts');

  await page.reload();
  await page.getByRole('heading', { name: 'Ready' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  t.equal(await page.evaluate('sessionStorage.length'), 0);
  t.same(beyondStatus(complaints), []);
});

t.test('all of it goes by keyboard', needsBrowser, async (t) => {
  const { page, service } = await visit(t, {}, false);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  const { keyboard } = page;
  // The first field has the focus already.
  await keyboard.press('Tab');
  await keyboard.type(service.token);
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Ready' }).waitFor();
  const focused = (): Promise<string> =>
    page.evaluate(
      '(document.activeElement.id || document.activeElement.value || document.activeElement.tagName)',
    );
  // The browser is told first that dialogs go to the test, which takes it a moment.
  const chooser = page.waitForEvent('filechooser');
  const order: string[] = [];
  for (let presses = 0; presses < 12; presses++) {
    await keyboard.press('Tab');
    order.push(await focused());
    if (order.at(-1) === 'file') break;
  }
  t.same(order, ['sign-out', 'file'], 'nothing else stands in the way');
  await keyboard.press('Space');
  await (await chooser).setFiles(bundle(service, 'proven'));
  await page.getByText('2.20.0, for').waitFor();
  for (const name of ['kernel', 'rofs']) {
    await keyboard.press('Tab');
    t.equal(await focused(), name);
  }
  await keyboard.press('Space');
  t.equal(await page.getByRole('checkbox', { name: 'rofs' }).isChecked(), false);
  await keyboard.press('Tab');
  t.equal(await focused(), 'write');
  t.match(
    await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'),
    'solid',
    'the focus is seen',
  );
  await keyboard.press('Enter');
  await page.locator('#result h3', { hasText: 'Updated' }).waitFor();
  t.match(await page.locator('#announce').innerText(), /^Updated: kernel written \(\d+ blocks?\)$/);
});

t.test('it fits a phone, has names for everything, and keeps to its policy', needsBrowser, async (t) => {
  const { page, service, complaints } = await visit(t);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator('#file').setInputFiles(bundle(service, 'proven'));
  await page.getByRole('button', { name: 'Update' }).click();
  await page.locator('#result h3', { hasText: 'Updated' }).waitFor();
  await page.locator('#receipts summary').click();
  for (const width of [360, 320]) {
    await page.setViewportSize({ width, height: 740 });
    const wide = Number(await page.evaluate('document.documentElement.scrollWidth'));
    t.ok(wide <= width, `${wide} of ${width}`);
  }
  const snapshot = await page.locator('body').ariaSnapshot();
  for (const line of [
    'heading "quanta-q71l" [level=1]',
    'heading "Flash" [level=2]',
    'article "kernel"',
    'img "kernel, 8 erase blocks: 3 not looked at, 5 written"',
    'group "Partitions to write"',
    'checkbox "rofs" [checked]',
    'button "Bundle"',
    'list "What the cells of the map mean"',
    'region "Last updates"',
  ]) {
    t.ok(snapshot.includes(line), line);
  }
  const nameless = snapshot
    .split('\n')
    .filter((line) => /- (button|textbox|checkbox|img|progressbar)\s*:?$/.test(line));
  t.same(nameless, []);
  const faint = await page.evaluate(FAINT_TEXT);
  t.same(faint, [], 'contrast of text is 4.5 at least');
  await page.emulateMedia({ colorScheme: 'dark' });
  t.same(await page.evaluate(FAINT_TEXT), [], 'in the dark too');

  t.same(beyondStatus(complaints), []);
  const refused = page.waitForEvent('console', (message) =>
    message.text().includes('Content Security Policy'),
  );
  await page.evaluate(
    "document.body.append(Object.assign(new Image(), { src: 'data:image/gif;base64,R0lGODlh' }))",
  );
  await refused;
});

t.test('the page and its files are open, small, and say how they may be used', async (t) => {
  const service = await startService(t);
  let bytes = 0;
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/page.css', 'text/css; charset=utf-8'],
    ['/page.js', 'text/javascript; charset=utf-8'],
    ['/icon.svg', 'image/svg+xml'],
  ] as const) {
    const { status, headers, text } = await service.request(path, { token: null });
    t.equal(status, 200, path);
    t.equal(headers['content-type'], type);
    t.equal(headers['x-content-type-options'], 'nosniff');
    t.equal(headers['referrer-policy'], 'no-referrer');
    const policy = String(headers['content-security-policy']);
    t.match(policy, /default-src 'none'/);
    t.match(policy, /frame-ancestors 'none'/);
    t.notMatch(policy, /unsafe|\*|http|data:/);
    bytes += text.length;
  }
  t.ok(bytes < 40 * 1024, `${bytes} bytes`);
  const none = await startService(t, { config: { http: { page: false } } });
  t.equal((await none.request('/', { token: null })).status, 404, 'it may be switched off');
});

/** Elements with text whose colour is too near to what is behind it (WCAG 2.2, 1.4.3), those that are disabled left out. */
const FAINT_TEXT = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest(':disabled, label:has(:disabled), noscript')) continue;
    const [one, two] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) found.push(element.tagName + ' ' + element.textContent + ' ' + ratio.toFixed(2));
  }
  return found;
})()`;
