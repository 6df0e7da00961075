import type { Source } from './source.js';

/** Opens the source behind a URL. */
export type OpenUrl = (url: string, options?: UrlOptions) => Promise<Source>;

export interface UrlOptions {
  /** Whether a redirect may be followed to a URL. @default any */
  readonly permit?: (url: URL) => boolean;
}

const openHttp: OpenUrl = async (url, options) => {
  const { HttpSource } = await import('./http-source.js');
  return HttpSource.open(url, options);
};

/** How URLs are opened, by scheme in lower case. A new place to fetch from gets a row. */
const SCHEMES: Readonly<Record<string, OpenUrl>> = { http: openHttp, https: openHttp };

/** Names of the schemes that can be fetched from. */
export const SCHEME_NAMES: readonly string[] = Object.keys(SCHEMES);

/** The scheme of a URL in lower case; null if the text is not a URL but, for example, a path. */
export function schemeOf(text: string): string | null {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? null;
}

/** What opens URLs of a scheme; null if the scheme is not known. */
export const openerOf = (scheme: string): OpenUrl | null =>
  Object.hasOwn(SCHEMES, scheme) ? (SCHEMES[scheme] as OpenUrl) : null;
