/** The first line of a request: paths, queries, and the routes that they lead to. */
import type { IncomingMessage } from 'node:http';
import { splitUrl } from '../../../../src/protocols/http/http-service.js';
import type { Exchange, Route } from '../../../../src/protocols/http/exchange.js';
import { updateRequestOf, wantsNoWait } from '../../../../src/protocols/v1/query.js';
import { Router } from '../../../../src/protocols/http/router.js';
import { must, utf8, type FuzzTarget } from '../target.js';

const routes = [
  'GET /', 'GET /health', 'POST /v1/update', 'PUT /v1/update', 'HEAD /v1/update/:resume', 'GET /v1/receipts/:id',
  'GET /v1/receipts', 'DELETE /a/:b/c/:d',
].map((line): Route => {
  const [method = '', path = ''] = line.split(' ');
  return { method: method as Route['method'], path, right: null, handle: () => {} };
}); // prettier-ignore
const router = new Router(routes);
const KNOWN = ['only', 'trust', 'check', 'resume'];

/** `METHOD TARGET`, then header lines `name: value`. */
export const paths: FuzzTarget = {
  name: 'paths',
  codes: ['ERR_USAGE_REQUEST'],
  seeds: [
    'POST /v1/update?only=kernel,rofs&trust=unsigned&check=sha256:00&resume=abcdefghijklmnop\ncontent-encoding: gzip\ncontent-length: 12',
    'GET /v1/receipts/000001/\nprefer: wait=5, respond-async',
    'GET /redfish/v1/UpdateService?$expand=.',
    'DELETE /a/%2e%2e/c/%00',
    'HEAD /v1/update/..%2f..%2fx',
  ].map(utf8),
  dictionary: [
    '?',
    '&',
    'only=',
    'trust=',
    'resume=',
    '%2f',
    '%00',
    '%c0%ae',
    '%ff',
    '%',
    '..',
    '//',
    '/v1/',
    'GET ',
    '\nprefer: respond-async',
    '__proto__',
  ],
  run: (bytes) => {
    const [first = '', ...lines] = bytes.toString('latin1').split('\n');
    const [method = '', target = ''] = first.split(' ');
    const headers = Object.fromEntries(
      lines
        .flatMap((line) => [/^([\w-]+): (.*)$/.exec(line)?.slice(1, 3) ?? []])
        .filter(([name]) => name !== undefined),
    ) as Record<string, string>;
    const { path, query } = splitUrl(target);
    must(path.startsWith('/') && target.length <= 2048, 'a path that begins elsewhere');
    const found = router.find(method, path);
    if (found?.route) {
      const { route, parameters } = found;
      // What a route's name takes is one part of the path: it leads nowhere else.
      for (const part of Object.values(parameters))
        must(part !== '' && !part.includes('/'), `a part ${part}`);
      const filled = route.path.replace(/:(\w+)/g, (_, name: string) => parameters[name] as string);
      const plain = path.length > 1 ? path.replace(/\/$/, '') : path;
      must(filled === plain, `${plain} came to ${route.path}`);
    }
    const exchange = {
      request: { headers } as unknown as IncomingMessage,
      query,
      from: { via: 'http', peer: null, user: null },
    } as unknown as Exchange;
    const { only, trust, check, resume } = updateRequestOf(exchange, KNOWN);
    must(only === null || only.every((name) => name !== ''), 'an empty name');
    must(resume === null || /^[\w-]{16,64}$/.test(resume), 'a key that can be guessed');
    const wait = wantsNoWait(exchange.request);
    return `${found === null ? '-' : (found.route?.path ?? 'method')} ${only === null} ${trust} ${check === null} ${resume === null} ${wait}`;
  },
};
