/** TLS and client certificates, made by openssl and shown by curl. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { curl, startService, type CurlRun } from '../kit/serve-kit.js';
import { VECTORS } from './board.js';
import { sluice } from './run.js';
import { scratch } from './stock-bundle.js';
import { openssl } from '../kit/keys.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const dir = scratch(t);
const at = (name: string): string => join(dir, name);
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate that vouches for itself. */
function selfSigned(name: string, cn: string, ...more: string[]): void {
  const out = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
  openssl('req', '-x509', ...EC, '-days', '30', '-subj', `/CN=${cn}`, ...more, ...out);
}

/** A client's certificate, signed by an authority. */
function client(name: string, subject: string, authority = 'ca'): void {
  openssl('req', ...EC, '-subj', subject, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`));
  const by = [
    '-CA',
    at(`${authority}.crt`),
    '-CAkey',
    at(`${authority}.key`),
    '-CAcreateserial',
    '-days',
    '30',
  ];
  openssl('x509', '-req', '-in', at(`${name}.csr`), ...by, '-out', at(`${name}.crt`));
}

const ALT = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
selfSigned('tls', 'bmc', ...ALT);
selfSigned('second', 'bmc two', ...ALT);
selfSigned('ca', 'clients');
selfSigned('foreign', 'clients');
client('build', '/CN=build-server');
client('eyes', '/CN=eyes');
client('stranger', '/CN=stranger');
client('forged', '/CN=build-server', 'foreign');
client('double', '/CN=build-server/CN=eyes');

const tls = {
  certificate: at('tls.crt'),
  key: at('tls.key'),
  clientCertificates: at('ca.crt'),
  roles: { 'build-server': 'Operator', eyes: 'ReadOnly' },
};
const shown = (name: string): string[] => ['--cert', at(`${name}.crt`), '--key', at(`${name}.key`)];

t.test('a certificate is as good as its common name is in the configuration', async (t) => {
  const service = await startService(t, { config: { http: { tls } } });
  t.match(service.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const ask = (path: string, ...args: string[]): Promise<CurlRun> =>
    curl('--cacert', at('tls.crt'), ...args, `${service.url}${path}`);
  const update = '/v1/update?trust=before-commit&only=kernel';
  t.equal((await ask('/health')).status, 200);
  t.equal((await ask('/v1/status')).status, 401, 'no certificate, no credentials');
  t.equal((await ask('/v1/status', ...shown('build'))).status, 200);
  t.equal((await ask('/v1/status', ...shown('eyes'))).status, 200);
  t.equal((await ask(update, '-T', STOCK, ...shown('eyes'))).status, 403);
  for (const name of ['stranger', 'double']) {
    t.equal((await ask('/v1/status', ...shown(name))).status, 401, name);
  }
  // OpenSSL drops the connection where the authority has the right name and the signature is wrong.
  t.match(String((await ask('/v1/status', ...shown('forged'))).status), /^(0|401)$/);
  t.equal(
    (await ask('/v1/status', '-H', `Authorization: Bearer ${service.token}`)).status,
    200,
    'or a token',
  );
  const sent = await ask(update, '-T', STOCK, ...shown('build'), '--tlsv1.2', '--tls-max', '1.2');
  t.equal(sent.status, 200, sent.stderr);
  const { json } = await ask('/v1/receipts', ...shown('eyes'));
  t.match(json.receipts, [{ from: { user: 'build-server' } }]);

  t.equal((await curl(`${service.url}/health`)).code, 60, 'which curl does not know without its certificate');
  t.not((await ask('/health', '--tlsv1.0', '--tls-max', '1.1', '--ciphers', 'ALL:@SECLEVEL=0')).code, 0);
  t.not(
    (await curl(`${service.url.replace('https', 'http')}/health`)).code,
    0,
    'plain text on a port of TLS',
  );
  t.equal((await ask('/health')).status, 200);
});

t.test('push and status show a certificate, and say what is wrong with that of the service', async (t) => {
  const service = await startService(t, { config: { http: { tls } } });
  const other = scratch(t);
  writeFileSync(join(other, 'token'), 'another-service');
  // What lies on this machine is of another service; who shows a certificate does not mean it.
  const env = { ...process.env, SLUICE_TOKEN: '', STATE_DIRECTORY: other };
  const status = (...args: string[]) => sluice(['status', service.url, ...args], { env });
  const known = await status('--ca', at('tls.crt'), ...shown('build'));
  t.equal(known.code, 0, known.stderr);
  const wrong = await status('--ca', at('tls.crt'));
  t.equal(wrong.code, 6);
  t.match(wrong.stderr, /--token-file or \$SLUICE_TOKEN/);
  const untold = await sluice(['push', service.url, STOCK], { env });
  t.equal(untold.code, 4);
  t.match(untold.stderr, /self-signed certificate; --ca FILE names whose certificates are trusted/);
  t.notMatch(untold.stderr, /going on/, 'it would be the same the next time');
});

t.test('connections without a certificate can be refused altogether', async (t) => {
  const http = { tls: { ...tls, clientCertificatesOnly: true } };
  const service = await startService(t, { config: { http } });
  const ask = (...args: string[]) => curl('--cacert', at('tls.crt'), ...args, `${service.url}/health`);
  t.equal((await ask(...shown('stranger'))).status, 200);
  t.not((await ask()).code, 0);
  t.not((await ask(...shown('forged'))).code, 0);
});

t.test('a renewed certificate is taken without a restart; a broken one is not', async (t) => {
  const copy = { certificate: at('live.crt'), key: at('live.key') };
  const put = (name: string): void => {
    copyFileSync(at(`${name}.crt`), copy.certificate);
    copyFileSync(at(`${name}.key`), copy.key);
  };
  put('tls');
  const service = await startService(t, {
    config: { http: { tls: copy } },
    args: ['--http', 'https://127.0.0.1:0,http://127.0.0.1:0'],
  });
  t.match(service.addresses[1], /^http:/, 'plain text where it is asked for');
  const knows = async (name: string): Promise<boolean> =>
    (await curl('--cacert', at(`${name}.crt`), `${service.url}/health`)).code === 0;
  t.equal(await knows('tls'), true);
  put('second');
  service.kill('SIGHUP');
  const changed = async (): Promise<boolean> => {
    for (let left = 20; left > 0; left--) if (await knows('second')) return true;
    return false;
  };
  t.equal(await changed(), true);
  writeFileSync(copy.key, 'broken');
  service.kill('SIGHUP');
  t.equal(await knows('second'), true);
  t.match(service.stderr, /old certificate stays in use: TLS cannot use /);
  put('tls');
  let seen = false;
  for (const began = Date.now(); !seen && Date.now() - began < 6000;) seen = await knows('tls');
  t.equal(seen, true, 'noticed without a signal too');
});

t.test('files that cannot be used are told at the start', async (t) => {
  const config = at('config.json');
  const serve = async (files: object) => {
    writeFileSync(config, JSON.stringify({ flash: 'sim:none', http: { tls: files } }));
    const run = await sluice(['serve', '--config', config, '--state', at('state'), '--json']);
    t.equal(run.code, 2);
    return run.json;
  };
  const code = 'ERR_USAGE_CREDENTIALS';
  t.match(await serve({ ...tls, certificate: at('none') }), {
    code,
    message: /cannot read .*none: no such file/,
  });
  t.match(await serve({ ...tls, key: at('second.key') }), {
    code,
    message: /TLS cannot use .*mismatch/,
  });
  t.match(await serve({ ...tls, clientCertificates: at('tls.key') }), { code });
  writeFileSync(at('empty'), '');
  t.match(await serve({ ...tls, clientCertificates: at('empty') }), { code });
});
