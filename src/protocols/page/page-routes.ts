import type { Route } from '../http/exchange.js';

const PATHS = ['/', '/page.css', '/page.js', '/icon.svg'];

/** The routes of the status page. */
export function pageRoutes(): readonly Route[] {
  return PATHS.map((path) => ({
    method: 'GET',
    path,
    // The page has no secrets: it requests its data with the credentials of its user.
    right: null,
    handle: async ({ response }) => {
      const { sendPage } = await import('./send-page.js');
      await sendPage(response, path);
    },
  }));
}
