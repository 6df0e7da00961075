import type { ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { sendText } from '../http/reply.js';

interface PageFile {
  /** Its name beside the program, in the folder `page`. */
  readonly file: string;
  readonly type: string;
}

const FILES: Readonly<Record<string, PageFile>> = {
  '/': { file: 'page.html', type: 'text/html; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
};

/** Nothing but the page's own files and the service it came from; nobody may put it into a frame. */
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

/** Sends a file of the status page. It is read for each request, so a page that nobody opens costs no memory. */
export async function sendPage(response: ServerResponse, path: string): Promise<void> {
  const { file, type } = FILES[path] as PageFile;
  const text = await readFile(new URL(`page/${file}`, import.meta.url), 'utf8');
  sendText(response, 200, text, { 'content-type': type, ...HEADERS });
}
