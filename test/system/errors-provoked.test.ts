/** Every code of the table comes out of a real situation; docs/errors.md is made of the same table. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { nodePlatform } from '../../src/host/node/platform.js';
import { auditHost } from '../../src/host/node/state/audit-host.js';
import { AuditLog } from '../../src/core/audit/audit-log.js';
import { TAR_FIELDS } from '../../src/core/bundle/tar/header.js';
import { tarEnd, tarHeader, tarPadding } from '../../src/core/bundle/tar/tar-writer.js';
import { ERRORS, SluiceError, type ErrorCode } from '../../src/core/errors.js';
import { memoryTarget, parseFault } from '../../src/core/sim/index.js';
import type { FlashTarget } from '../../src/core/flash/device.js';
import { openMtdTarget } from '../../src/host/node/flash/mtd/target.js';
import { openUbiTarget } from '../../src/host/node/flash/ubi/target.js';
import { openSimTarget } from '../../src/host/node/flash/sim-file/target.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import type { Observer } from '../../src/core/update/report/observer.js';
import { GoodBlocks } from '../../src/core/update/plan/good-blocks.js';
import type { SingleSource } from '../../src/core/bundle/single-image.js';
import { UpdateSession } from '../../src/core/update/session.js';
import { EVENT_LIMITS } from '../../src/protocols/v1/sse.js';
import { readEvents } from '../kit/event-reader.js';
import type { ChipSpec } from '../kit/memory-chip.js';
import { MemoryKernel, type NodeSpec } from '../kit/memory-kernel.js';
import { makeBundle } from '../kit/bundle-maker.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import { startService } from '../kit/serve-kit.js';
import { ERASE, nor, update } from '../kit/update-kit.js';
import { head, RawClient } from '../kit/serve-bundles.js';
import { until } from './start.js';
import { BLOCK, LAYOUT, makeBoard, range, sha256, VECTORS } from './board.js';
import { PROGRAM, sluice, type RunOptions } from './run.js';
import { makeKeyStore, makeStockBundle, scratch, type StockBundleOptions } from './stock-bundle.js';
import { noise } from '../kit/noise.js';
import { makeKey, openssl } from '../kit/keys.js';

const dir = scratch(t);
const board = await makeBoard(dir);
const key = makeKey(dir, 'release');
const keys = makeKeyStore(dir, key);
let chips = 0;
/** A chip of its own, as the ways are tried side by side. */
function flash(): string[] {
  const chip = join(dir, `chip-${chips++}`);
  copyFileSync(board.chip, chip);
  copyFileSync(`${board.chip}.json`, `${chip}.json`);
  return ['--flash', `sim:${chip}`];
}
const vectors = (): string[] => [...flash(), '--keys', board.keys, '--machine', 'quanta-q71l'];
const trusted = ['--keys', keys, '--machine', 'quanta-q71l'];
const STOCK = join(VECTORS, 'good-stock.tar');

const AUDIT_FROM = { via: 'cli', peer: null, user: null };

/** A state folder with an audit log of one receipt. */
async function auditOf(name: string): Promise<string> {
  const state = join(dir, name);
  mkdirSync(state);
  const { receipt } = await update(nor(), new Uint8Array(512));
  new AuditLog(auditHost, state).append(AUDIT_FROM, receipt);
  return state;
}

/** A provocation; resolves with the code that came out. */
type Way = () => Promise<unknown>;

const cli = async (args: readonly string[], options: RunOptions = {}): Promise<unknown> => {
  const run = await sluice([...args, '--json'], options);
  const code = run.json.code as ErrorCode;
  t.equal(run.code, ERRORS[code]?.exit, `${code}: the exit code is that of the table`);
  return code;
};

/** Writes a file into the folder of this test. */
function file(name: string, bytes: Uint8Array | string): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

/** Writes a tarball that is signed by the key which this board trusts. */
const bundle =
  (name: string, options: StockBundleOptions, ...args: string[]): Way =>
  () =>
    cli([
      'write',
      makeStockBundle(dir, { images: { 'image-rwfs': noise(1000, 1) }, key, ...options, name }).path,
      ...flash(),
      ...trusted,
      ...args,
    ]);

/** Writes a tarball of these members, which nobody has signed. */
const tarball = (...members: readonly (readonly [name: string, bytes: Uint8Array])[]): Buffer => {
  const parts = members.flatMap(([name, bytes]) => [
    header(name, bytes.length),
    bytes,
    tarPadding(bytes.length),
  ]);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, tarEnd(size)]);
};
const raw =
  (name: string, bytes: Uint8Array, ...args: string[]): Way =>
  () =>
    cli(['write', file(`${name}.tar`, bytes), ...flash(), ...trusted, ...args]);
const text = (words: string): Buffer => Buffer.from(words);

/** Writes a single image with a block index that the trusted key has signed. */
const indexed =
  (
    name: string,
    image: Uint8Array,
    change: (blocks: string) => string,
    args: () => readonly string[] = flash,
    command: 'write' | 'verify' = 'write',
  ): Way =>
  () => {
    const whole = `image image-kernel partition kernel size ${image.length} block ${BLOCK} sha256 ${sha256(image)}`;
    const digests = Array.from({ length: Math.ceil(image.length / BLOCK) }, (_, i) =>
      sha256(image.subarray(i * BLOCK, (i + 1) * BLOCK)),
    );
    const blocks = file(
      `${name}.blocks`,
      change(['sluice-blocks 1', 'machine quanta-q71l', 'version 1.0', whole, ...digests, ''].join('\n')),
    );
    const sig = file(`${name}.sig`, openssl('dgst', '-sha256', '-sign', key.path, blocks));
    const path = file(`${name}.bin`, image);
    return cli([
      command,
      path,
      '--partition',
      'kernel',
      '--blocks',
      blocks,
      '--blocks-sig',
      sig,
      ...args(),
      ...trusted,
    ]);
  };

/** Writes two blocks to the kernel partition of a chip with faults. */
const faulty =
  (name: string, sim: readonly string[], partition = 'kernel'): Way =>
  async () => {
    const chip = join(dir, `${name}.chip`);
    const layout = join(dir, 'layout.json');
    const made = await sluice(['sim', 'create', chip, '--layout', layout, ...sim]);
    t.equal(made.code, 0, made.stderr);
    const image = file(`${name}.image`, Buffer.alloc(150_000));
    return cli([
      'write',
      image,
      '--partition',
      partition,
      '--trust',
      'unsigned',
      '--machine',
      'any',
      '--flash',
      `sim:${chip}`,
    ]);
  };

/** The code that an act throws. */
const NOR: ChipSpec = { type: 'nor', size: 4 * BLOCK, eraseSize: BLOCK, writeSize: 1 };

/** The first look at a partition, as when an update plans. */
const look = async (target: FlashTarget): Promise<void> => {
  for (const partition of target.partitions.values()) await GoodBlocks.scan(partition);
};

/** On a kernel in memory: what mtd: says. */
const onMtd =
  (nodes: readonly NodeSpec[], act: (target: FlashTarget, kernel: MemoryKernel) => Promise<void>): Way =>
  () =>
    thrown(async () => {
      const kernel = new MemoryKernel(nodes);
      try {
        const target = await openMtdTarget('', { binding: kernel, roots: kernel.files.roots });
        await act(target, kernel).finally(() => target.close());
      } finally {
        kernel.remove();
      }
    });

const thrown = async (act: () => unknown): Promise<unknown> => {
  try {
    await act();
  } catch (error) {
    return error instanceof SluiceError ? error.code : error;
  }
  return null;
};

/** A session over a chip in memory that takes 100 bytes for rwfs. */
async function session(
  more: {
    observer?: Observer;
    signal?: { aborted: boolean };
    single?: SingleSource;
    journal?: MemoryJournal;
  } = {},
  target: FlashTarget = memoryTarget(LAYOUT),
) {
  const platform = await nodePlatform();
  const trust = new UnsignedTrust({ machine: 'any' });
  const single = { member: 'image-rwfs', size: 2 * BLOCK };
  return {
    target,
    session: new UpdateSession({ platform, target, trust, policy: 'unsigned', single, ...more }),
  };
}

/** A service that is set up like this. */
const serve = (name: string, http: object): string[] => {
  const config = file(`${name}-config.json`, JSON.stringify({ http }));
  return ['serve', ...vectors(), '--state', join(dir, `${name}-state`), '--config', config];
};

const kernel = noise(100_000, 3);
const rwfs = noise(1000, 1);

const WAYS: Record<ErrorCode, Way> = {
  ERR_USAGE_OPTION: () => cli(['write', STOCK, '--bogus']),
  ERR_USAGE_ARGUMENT: () => cli(['bogus']),
  ERR_USAGE_CONFIG: () => cli(['write', STOCK, '--config', join(dir, 'none')]),
  ERR_USAGE_PARTITION: () => cli(['write', STOCK, ...vectors(), '--only', 'bogus']),
  ERR_USAGE_FLASH_ADDRESS: () => cli(['write', STOCK, ...trusted, '--flash', board.chip]),
  ERR_USAGE_LAYOUT: () => cli(['sim', 'create', join(dir, 'x'), '--layout', 'bogus']),
  ERR_USAGE_SIM: () => cli(['sim', 'show', file('plain', 'not a chip')]),
  ERR_USAGE_EXISTS: () => cli(['sim', 'create', board.chip]),
  ERR_USAGE_KEY: () => cli(['pack', STOCK, '--key', key.path, '--out', join(dir, 'packed.tar')]),
  ERR_USAGE_OUTPUT: () => {
    const made = makeStockBundle(dir, { key, name: 'output', images: { 'image-rwfs': rwfs } });
    return cli(['pack', made.path, '--key', key.path, '--out', join(dir, 'none', 'packed.tar')]);
  },
  ERR_USAGE_STATE: () => cli(['serve', ...vectors(), '--state', file('no-folder', '')]),
  ERR_USAGE_LISTEN: () => cli(serve('listen', { listen: ['0.0.0.0:0'] })),
  ERR_USAGE_CREDENTIALS: () =>
    cli(serve('credentials', { credentials: file('users.json', '{ "usres": {} }') })),

  ERR_TRUST_NO_KEYS: () => cli(['write', STOCK, ...flash(), '--machine', 'any', '--keys', join(dir, 'none')]),
  ERR_TRUST_KEY: () => {
    mkdirSync(join(dir, 'odd-keys'));
    file('odd-keys/README', 'not a key');
    return cli(['write', STOCK, ...flash(), '--machine', 'any', '--keys', join(dir, 'odd-keys')]);
  },
  ERR_TRUST_HASH: () => {
    const store = makeKeyStore(join(dir, 'md5'), key, 'RSA-MD5');
    return cli(['write', STOCK, ...flash(), '--machine', 'any', '--keys', store]);
  },
  ERR_TRUST_HASH_LATE: () => {
    const { path } = makeStockBundle(dir, {
      key,
      name: 'late',
      images: { 'image-rwfs': rwfs },
      manifest: { HashType: 'RSA-SHA512' },
    });
    return cli(['write', '-', ...flash(), ...trusted, '--trust', 'before-commit'], {
      input: readFileSync(path),
    });
  },
  ERR_TRUST_SIGNATURE: () => cli(['write', join(VECTORS, 'bad-kernel-sig.tar'), ...vectors()]),
  ERR_TRUST_SIGNATURE_MISSING: () => cli(['write', join(VECTORS, 'no-full-sig.tar'), ...vectors()]),
  ERR_TRUST_UNVOUCHED: bundle('unvouched', { without: ['image-rwfs.sig'] }),
  ERR_TRUST_PLACE: () => cli(['write', join(VECTORS, 'kernel-only.tar'), ...vectors(), '--only', 'kernel']),
  ERR_TRUST_BLOCK: indexed('block', kernel, (blocks) =>
    blocks.replace(sha256(kernel.subarray(0, BLOCK)), '0'.repeat(64)),
  ),
  ERR_TRUST_IMAGE: indexed(
    'image',
    kernel,
    (blocks) => blocks.replace(sha256(kernel), '0'.repeat(64)),
    flash,
    'verify',
  ),
  ERR_TRUST_NOT_AHEAD: () => cli(['write', '-', ...vectors()], { input: readFileSync(STOCK) }),
  ERR_TRUST_INDEX: indexed('index', kernel, (blocks) =>
    blocks.replace('image-kernel partition kernel', 'image-rofs partition rofs'),
  ),
  ERR_TRUST_MACHINE: bundle('machine', { machine: 'other' }),
  ERR_TRUST_MACHINE_UNKNOWN: bundle('no-machine', { machine: null }),
  ERR_TRUST_PURPOSE: bundle('purpose', {
    manifest: { purpose: 'xyz.openbmc_project.Software.Version.VersionPurpose.Host' },
  }),
  ERR_TRUST_VERSION: bundle('version', { version: '1.0.0' }, '--min-version', '1.0.1'),
  ERR_TRUST_SECURITY_VERSION: bundle('security', {}, '--min-security-version', '1'),

  ERR_SOURCE_UNREADABLE: () => cli(['write', join(dir, 'none.tar'), ...vectors()]),
  ERR_SOURCE_TRUNCATED: raw('empty', text('')),
  ERR_SOURCE_CHANGED: async () => {
    const first = readFileSync(STOCK);
    const second = Buffer.from(first);
    second[1000]! ^= 1;
    let count = 0;
    const server = createServer((_request, response) => void response.end(count++ === 0 ? first : second));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return cli(['write', `http://127.0.0.1:${port}/`, ...vectors()]).finally(() => server.close());
  },
  ERR_SOURCE_SIZE: () =>
    thrown(async () => {
      const kernel = new MemoryKernel(
        [],
        [{ name: 'rwfs', type: 'static', lebs: 4, lebSize: 3968, minIo: 128 }],
      );
      try {
        const target = await openUbiTarget('', { binding: kernel, roots: kernel.files.roots });
        const { session: open } = await session({ single: { member: 'image-rwfs', size: null } }, target);
        await open.write(rwfs).finally(() => target.close());
      } finally {
        kernel.remove();
      }
    }),
  ERR_SOURCE_TRAILING: raw('trailing', Buffer.concat([tarball(['image-rwfs', rwfs]), text('more')])),
  ERR_SOURCE_FORMAT: raw('format', Buffer.from('\xfd7zXZ\0', 'latin1')),
  ERR_SOURCE_HTTP: () => cli(['write', 'http://127.0.0.1:9/', ...vectors()]),
  ERR_SOURCE_MULTIPART: async () => {
    const service = await startService(t);
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const form = { method: 'POST', headers, body: '--another\r\n' };
    return (await service.request('/v1/update', form)).json.code as unknown;
  },
  ERR_SOURCE_GZIP: () => {
    const packed = gzipSync(readFileSync(STOCK));
    packed[packed.length - 5]! ^= 1;
    return cli(['write', file('damaged.gz', packed), ...vectors()]);
  },

  ERR_BUNDLE_TAR_HEADER: raw('noise', noise(2000, 1)),
  ERR_BUNDLE_TAR_NUMBER: raw('number', Buffer.concat([header('image-rwfs', 5, 'bogus'), Buffer.alloc(1024)])),
  ERR_BUNDLE_TAR_TYPE: () => {
    symlinkSync('/etc/passwd', join(dir, 'image-rwfs'));
    execFileSync('tar', ['-cf', join(dir, 'link.tar'), '-C', dir, 'image-rwfs']);
    return cli(['write', join(dir, 'link.tar'), ...flash(), ...trusted]);
  },
  ERR_BUNDLE_TAR_NAME: raw('name', tarball(['image-rwfs', rwfs], ['etc/passwd', rwfs])),
  ERR_BUNDLE_TAR_DUPLICATE: raw('twice', tarball(['image-rwfs', rwfs], ['image-rwfs', rwfs])),
  ERR_BUNDLE_TAR_LIMIT: raw(
    'many',
    tarball(...Array.from({ length: 65 }, (_, i) => [`image-${i}.sig`, rwfs] as const)),
  ),
  ERR_BUNDLE_TAR_PADDING: () => {
    const bytes = tarball(['image-rwfs', rwfs]);
    bytes[512 + rwfs.length] = 1;
    return raw('padding', bytes)();
  },
  ERR_BUNDLE_MEMBER: raw('member', tarball(['README', rwfs])),
  ERR_BUNDLE_MEMBER_MISSING: bundle('no-manifest', { without: ['MANIFEST'] }),
  ERR_BUNDLE_MEMBER_SIZE: raw('size', tarball(['MANIFEST', text('')])),
  ERR_BUNDLE_ORDER: raw(
    'order',
    tarball([
      'BLOCKS',
      text(
        `sluice-blocks 1\nmachine a\nversion b\nimage image-rwfs partition rwfs size 1 block 4096 sha256 ${'0'.repeat(64)}\n${'0'.repeat(64)}\n`,
      ),
    ]),
  ),
  ERR_BUNDLE_MANIFEST: bundle('manifest', { manifest: { version: null } }),
  ERR_BUNDLE_BLOCKS: indexed('blocks', kernel, (blocks) =>
    blocks.replace('sluice-blocks 1', 'sluice-blocks 2'),
  ),
  ERR_BUNDLE_EMPTY: () => cli(['write', STOCK, ...vectors(), '--only', 'u-boot-env']),
  ERR_BUNDLE_NO_PARTITION: bundle('no-partition', { images: { 'image-bogus': rwfs } }),
  ERR_BUNDLE_TOO_BIG: bundle('big', { images: { 'image-rwfs': noise(range('rwfs').size + 1, 1) } }),
  ERR_BUNDLE_LAYOUT: bundle('layout', {
    images: { 'image-bmc': noise(LAYOUT.size, 1), 'image-u-boot': rwfs },
  }),

  ERR_FLASH_NO_DEVICE: () => cli(['write', STOCK, ...trusted, '--flash', `sim:${join(dir, 'none')}`]),
  ERR_FLASH_UNSUPPORTED: () => {
    // The addon lies beside the program, so a copy of the program alone has none.
    cpSync(dirname(PROGRAM), join(dir, 'bare/bin'), { recursive: true });
    const program = join(dir, 'bare/bin/sluice.js');
    return cli(['write', STOCK, ...trusted, '--flash', 'mtd:'], { program });
  },
  ERR_FLASH_AMBIGUOUS: onMtd(
    ['kernel', 'kernel'].map((name) => ({ name, chip: { ...NOR } })),
    () => Promise.resolve(),
  ),
  ERR_FLASH_READ_ONLY: onMtd([{ name: 'kernel', chip: { ...NOR, flags: 0x800 } }], look),
  ERR_FLASH_REPLACED: onMtd([{ name: 'kernel', chip: NOR }], (target, kernel) => {
    kernel.setNodes([{ name: 'rofs', chip: NOR }]);
    return look(target);
  }),
  ERR_FLASH_SYNC: onMtd([{ name: 'kernel', chip: NOR }], async (target, kernel) => {
    await look(target);
    kernel.before = (call) => {
      if (call.startsWith('sync')) throw Object.assign(new Error('lost'), { code: 'EIO' });
    };
    await target.partitions.get('kernel')?.device.sync();
  }),
  ERR_FLASH_TIMEOUT: onMtd([{ name: 'kernel', chip: NOR }], (target, kernel) => {
    kernel.before = () => {
      throw Object.assign(new Error('nothing came'), { code: 'ETIMEDOUT' });
    };
    return look(target);
  }),
  ERR_FLASH_SYSTEM: onMtd([{ name: 'kernel', chip: NOR }], (target, kernel) => {
    kernel.before = () => {
      throw Object.assign(new Error('no memory'), { code: 'ENOMEM' });
    };
    return look(target);
  }),
  ERR_FLASH_GEOMETRY: onMtd([{ name: 'kernel', chip: { ...NOR, writeSize: 3 } }], look),
  ERR_FLASH_RANGE: () => thrown(() => memoryTarget(LAYOUT).chip.read(LAYOUT.size, new Uint8Array(1))),
  ERR_FLASH_OVERLAP: () => {
    const { chip } = memoryTarget(LAYOUT, { onOperation: () => {} });
    const first = chip.erase(0);
    return thrown(() => chip.erase(1)).finally(() => first);
  },
  ERR_FLASH_NOT_ERASED: () =>
    thrown(async () => {
      const { chip } = memoryTarget(LAYOUT);
      await chip.program(0, new Uint8Array(1));
      await chip.program(0, Uint8Array.of(1));
    }),
  ERR_FLASH_CLOSED: () =>
    thrown(async () => {
      const { chip } = memoryTarget(LAYOUT);
      await chip.close();
      await chip.erase(0);
    }),
  ERR_FLASH_READ: faulty('read', ['--fault', 'fail:read:1:ever']),
  // On a chip that is not erased: one that is needs no erase.
  ERR_FLASH_ERASE: async () => {
    const [option, address] = flash() as [string, string];
    const fault = `fail:erase@${range('kernel').offset / BLOCK}:1:ever`;
    await sluice(['sim', 'fault', address.slice('sim:'.length), '--fault', fault]);
    const image = file('erase.image', Buffer.alloc(150_000));
    const unsigned = ['--trust', 'unsigned', '--machine', 'any'];
    return cli(['write', image, '--partition', 'kernel', ...unsigned, option, address]);
  },
  ERR_FLASH_PROGRAM: faulty('program', ['--fault', 'fail:program:1:ever']),
  ERR_FLASH_READ_BACK: faulty('stuck', ['--fault', `stuck:${range('kernel').offset + BLOCK + 1}:1:1`]),
  ERR_FLASH_BAD_BLOCKS: faulty('bad', ['--type', 'nand', '--bad', '14'], 'rwfs'),
  ERR_FLASH_GATE: faulty('gate', [
    '--type',
    'nand',
    '--fault',
    `weak:${range('kernel').offset / (2 * BLOCK)}:program`,
  ]),
  ERR_FLASH_CHANGED: async () => {
    const target = memoryTarget(LAYOUT);
    const checking: Observer = {
      phase: (phase) => {
        // Somebody else writes to the flash.
        if (phase === 'checking') target.bytes[range('rwfs').offset + BLOCK] = 0x55;
      },
    };
    const made = await session({ observer: checking }, target);
    await made.session.write(new Uint8Array(2 * BLOCK));
    return (await made.session.end()).code;
  },
  ERR_FLASH_POWER_CUT: faulty('cut', ['--fault', 'cut:torn:change:2']),

  ERR_BUSY_FLASH: async () => {
    const chip = join(dir, 'busy.chip');
    await sluice(['sim', 'create', chip, '--layout', join(dir, 'layout.json')]);
    const target = await openSimTarget(chip);
    return cli(['write', STOCK, ...trusted, '--flash', `sim:${chip}`]).finally(() => target.close());
  },
  ERR_BUSY_IN_USE: async () => {
    const image = file('rwfs.img', new Uint8Array(BLOCK));
    const writer = openSync(image, 'r+');
    const args = [
      '--partition',
      'rwfs',
      '--trust',
      'unsigned',
      '--machine',
      'any',
      '--flash',
      `block:${image}`,
    ];
    return cli(['write', file('new.img', new Uint8Array(BLOCK)), ...args]).finally(() => closeSync(writer));
  },
  ERR_BUSY_CREDENTIALS: async () => {
    const service = await startService(t);
    return (await service.request('/v1/status', { token: null })).json.code as unknown;
  },
  ERR_BUSY_FORBIDDEN: async () => {
    const service = await startService(t);
    const headers = { 'sec-fetch-site': 'cross-site' };
    return (await service.request('/v1/check', { method: 'POST', headers })).json.code as unknown;
  },
  ERR_BUSY_GUESSES: async () => {
    const credentials = join(dir, 'guessed.json');
    const made = ['credentials', credentials, '--user', 'alice'];
    await sluice(made, { input: text('a password of hers\n') });
    const service = await startService(t, { config: { http: { credentials } }, token: false });
    const guess = async (at: number): Promise<unknown> => {
      const authorization = `Basic ${Buffer.from(`alice:${at}`).toString('base64')}`;
      return (await service.request('/v1/status', { token: null, headers: { authorization } })).json
        .code as unknown;
    };
    const codes = [];
    for (let at = 0; at < 20; at++) codes.push(await guess(at));
    return codes.find((code) => code !== 'ERR_BUSY_CREDENTIALS');
  },
  ERR_BUSY_WATCHERS: async () => {
    const service = await startService(t);
    const headers = { authorization: `Bearer ${service.token}` };
    const watch = () => readEvents(t, `${service.url}/v1/events`, headers);
    await Promise.all(Array.from({ length: EVENT_LIMITS.watchers }, watch));
    return (await service.request('/v1/events')).json.code as unknown;
  },
  // Not even root may make a file there.
  ERR_BUSY_PERMISSION: () => cli(['sim', 'create', '/sys/sluice-test.chip']),

  ERR_USAGE_REQUEST: () => asked('/v1/update?onyl=kernel'),
  ERR_TRUST_POLICY: () => asked('/v1/update?trust=unsigned'),
  ERR_SESSION_CHECK: () => asked('/v1/update?check=0123456789abcdef0123456789abcdef'),
  ERR_SESSION_UPLOAD: () => asked('/v1/update/0123456789abcdef', 'PATCH'),
  ERR_SOURCE_SERVICE: () => cli(['push', 'http://127.0.0.1:1', STOCK, '--retries', '0']),
  ERR_SOURCE_SILENT: async () => {
    const service = await startService(t, { config: { http: { limits: { silence: 1 } } } });
    const client = new RawClient(service.port);
    t.teardown(() => client.socket.destroy());
    await client.send(head('PUT /v1/update', service.token, { 'content-length': 1000 }));
    await until(() => client.text.includes('}\n'), 'it is given up');
    return /"code":"(\w+)"/.exec(client.text)?.[1];
  },

  ERR_SESSION_INTERRUPTED: async () => {
    const made = await session({ signal: { aborted: true } });
    return thrown(() => made.session.write(new Uint8Array(1)));
  },
  ERR_SESSION_JOURNAL: async () => {
    const journal = new MemoryJournal(Buffer.from('sluice-journal 2\n'));
    const made = await session({ journal });
    return thrown(() => made.session.write(new Uint8Array(1)));
  },
  ERR_SESSION_STUCK: async () => {
    const bytes = makeBundle({ images: { kernel: noise(2 * ERASE, 1) }, kind: 'proven' }).bytes;
    const options = { journal: new MemoryJournal(), resumeLimit: 1 };
    const faults = [parseFault('cut:before:erase:1')];
    await update(await nor().reopen({ faults }), bytes, options);
    return (await update(await nor().reopen({ faults }), bytes, options)).error?.code;
  },
  ERR_AUDIT_APPEND: async () => {
    const { receipt } = await update(nor(), new Uint8Array(512));
    return thrown(async () =>
      new AuditLog(auditHost, join(dir, 'no-such-folder')).append(AUDIT_FROM, receipt),
    );
  },
  ERR_AUDIT_BROKEN: async () => {
    const state = await auditOf('audit-broken');
    const path = join(state, 'audit.log');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"seq":1,', '"seq":7,'));
    return cli(['audit', 'verify', '--state', state]);
  },
  ERR_AUDIT_HEAD: async () =>
    cli(['audit', 'verify', '--state', await auditOf('audit-head'), '--head', `9:${'0'.repeat(64)}`]),
  ERR_SESSION_STATE: async () => {
    const made = await session();
    const first = made.session.write(new Uint8Array(BLOCK));
    return thrown(() => made.session.write(new Uint8Array(1))).finally(() => first.catch(() => {}));
  },
  ERR_SESSION_INTERNAL: async () => {
    const made = await session();
    return (await made.session.abort(new TypeError('not foreseen'))).code;
  },
};

/** Asks a service of its own something that it refuses. */
async function asked(path: string, method = 'POST'): Promise<unknown> {
  const service = await startService(t);
  return (await service.request(path, { method, body: 'x' })).json.code as unknown;
}

/** A tar header with a right checksum, whatever it says. */
function header(name: string, size: number, sizeText?: string): Buffer {
  const bytes = Buffer.from(tarHeader('image-x', size));
  bytes.fill(0, ...TAR_FIELDS.name);
  bytes.write(name, 0, 'latin1');
  if (sizeText !== undefined) bytes.write(sizeText, TAR_FIELDS.size[0], 'latin1');
  bytes.fill(0x20, ...TAR_FIELDS.checksum);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, TAR_FIELDS.checksum[0], 'latin1');
  return bytes;
}

t.test('the table and the provocations have the same codes', async (t) => {
  t.same(Object.keys(WAYS).sort(), Object.keys(ERRORS).sort());
});

t.test('every code comes out when it is provoked', async (t) => {
  const queue = Object.entries(WAYS);
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [code, way] = next;
      t.equal(await way(), code, code);
    }
  };
  // Processes of their own, nearly all of them.
  await Promise.all([worker(), worker(), worker()]);
});

t.test('every row helps: what happened, and what to do next, in sentences', async (t) => {
  for (const [code, { meaning, next, nextRemote }] of Object.entries(ERRORS)) {
    t.match(meaning, /^[A-Z].*\.$/, code);
    t.match(next, /^[A-Z].*\.$/, code);
    t.match(nextRemote, /^[A-Z].*\.$/, code);
    t.not(meaning, next);
  }
  t.equal(
    new Set(Object.values(ERRORS).map(({ meaning }) => meaning)).size,
    Object.keys(ERRORS).length,
    'no two alike',
  );
});

t.test('docs/errors.md is the table as it is', async (t) => {
  const out = execFileSync(process.execPath, ['.ci/docs.mjs', '--check'], { stdio: 'pipe' });
  t.equal(out.toString(), '');
});
