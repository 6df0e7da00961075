import type { ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { sendText } from '../http/reply.js';

interface PageFile {
  /** Name in the folder `page` beside the program. */
  readonly file: string;
  readonly type: string;
}

const FILES: Readonly<Record<string, PageFile>> = {
  '/': { file: 'page.html', type: 'text/html; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
};

/** Only the files of the page and its own service; no frames. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), usb=()',
};

/** Sends a file of the status page. It is read for each request, so that an unused page takes no memory. */
export async function sendPage(response: ServerResponse, path: string): Promise<void> {
  const { file, type } = FILES[path] as PageFile;
  const text = await readFile(new URL(`page/${file}`, import.meta.url), 'utf8');
  sendText(response, 200, text, { 'content-type': type, ...HEADERS });
}
