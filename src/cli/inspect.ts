import { nodePlatform } from '../host/node/platform.js';
import { blockCount } from '../core/bundle/block-index.js';
import { toHex } from '../core/bytes.js';
import { SluiceError } from '../core/errors.js';
import type { FlashTarget } from '../core/flash/device.js';
import { openFlash } from '../host/node/flash/open-flash.js';
import { openSource } from '../host/node/sources/open-source.js';
import type { Source } from '../host/node/sources/source.js';
import type { Platform } from '../core/platform.js';
import { DecodeChain } from '../core/bundle/decode/decode-chain.js';
import { identityOf } from '../core/update/report/bundle-identity.js';
import type { Command } from './command.js';
import { faultsOf } from '../tools/inspect/faults.js';
import { Inspection } from '../tools/inspect/inspection.js';
import { OffsetReader } from '../tools/inspect/member-offsets.js';
import { placementsOn, type Placement } from '../tools/inspect/placement.js';
import { listFindings, type SignatureFinding } from '../core/trust/findings.js';
import { namesToSign } from '../tools/inspect/names-to-sign.js';
import { stdout } from './output.js';
import { note, printJson, table } from './print.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';
import { loadKeys } from '../host/node/keys.js';

export const command: Command = {
  name: 'inspect',
  usage: 'inspect SOURCE [--flash ADDRESS] [--keys DIR]',
  summary: 'show what is in a bundle: members, MANIFEST, block index, signatures',
  description: `Reads the whole source once and prints what is in it, as far as it can be read if it is damaged. Faults are
printed at the end. --keys adds for each signature whether it is valid. --flash adds where each image would be
written. The command decides nothing and writes nothing: see verify and write.`,
  examples: [
    'sluice inspect update.tar',
    'sluice inspect update.tar --keys /etc/activationdata --flash sim:chip.bin',
    'curl -sf https://host/update.tar | sluice inspect - --json',
  ],
  options: {
    flash: { value: 'ADDRESS', help: 'a flash, to show where each image would be written' },
    keys: {
      value: 'DIR',
      help: 'trusted keys, <KeyType>/{publickey,hashfunc}, to verify the signatures with',
    },
  },
  arity: [1, 1],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const signal = stopSignal(true);
  const platform = await nodePlatform();
  const store = invocation.option('keys');
  const keys = store === undefined ? null : await loadKeys(store, platform);
  const address = invocation.option('flash');
  const source = await openSource(invocation.arguments[0] as string);
  const target = address === undefined ? null : await openFlash(address, { signal, write: false });
  try {
    const found = await look(source, platform, signal);
    const signatures = await listFindings(platform, keys, found.received, found.scheme, namesToSign(found));
    const placements = target === null ? null : placementsOn(target, found);
    const problems = [
      ...found.problems,
      ...faultsOf(found, signatures, keys),
      ...misfits(target, placements),
    ];
    const report = { source: source.name, found, signatures, placements, problems, platform };
    if (invocation.has('json')) printJson(documentOf(report));
    else print(report);
    return problems[0]?.exit ?? 0;
  } finally {
    source.close();
    await target?.close();
  }
}

/** Everything that was found out. */
interface Report {
  readonly source: string;
  readonly found: Inspection;
  readonly signatures: readonly SignatureFinding[];
  /** Null without a flash. */
  readonly placements: readonly Placement[] | null;
  readonly problems: readonly SluiceError[];
  readonly platform: Platform;
}

async function look(source: Source, platform: Platform, signal: AbortSignal): Promise<Inspection> {
  const found = new Inspection(platform);
  const front = new DecodeChain(platform, new OffsetReader(found));
  try {
    await source.pump(
      async (bytes) => {
        if (signal.aborted) throw new SluiceError('ERR_SESSION_INTERRUPTED', 'stopped before the end');
        await front.write(bytes);
      },
      { signal },
    );
    await front.end();
  } catch (thrown) {
    found.stoppedBy(thrown);
  }
  return found;
}

function misfits(target: FlashTarget | null, placements: readonly Placement[] | null): SluiceError[] {
  return (placements ?? [])
    .filter(({ fits }) => !fits)
    .map(({ member, partition, size, room }) =>
      room === null
        ? new SluiceError('ERR_BUNDLE_NO_PARTITION', `${target?.address} has no partition ${partition}`, {
            member,
            partition,
          })
        : new SluiceError(
            'ERR_BUNDLE_TOO_BIG',
            `${member} has ${size} bytes and partition ${partition} has ${room}`,
            { member, partition },
          ),
    );
}

/** Null while an image is not whole: then it cannot be known what the bundle would write. */
function identity({ found, platform }: Report): string | null {
  const { images, members, manifest, index } = found;
  if (images.length === 0 || images.length < members.filter(({ kind }) => kind === 'image').length)
    return null;
  const facts = images.map(({ name, size, digests }) => ({
    member: name,
    size,
    sha256: digests.sha256 as Uint8Array,
  }));
  return identityOf(
    platform,
    manifest?.machine ?? index?.machine ?? null,
    manifest?.version ?? index?.version ?? null,
    facts,
  );
}

function kindOf({ found }: Report): 'stock' | 'proven' | null {
  if (found.members.length === 0) return null;
  return found.members.some(({ kind }) => kind === 'blocks') ? 'proven' : 'stock';
}

function indexOf({ found: { index } }: Report): object | null {
  if (index === null) return null;
  const { machine, version, securityVersion, images } = index;
  return {
    machine,
    version,
    securityVersion,
    images: [...images.values()].map((image) => ({
      member: image.member,
      partition: image.partition,
      size: image.size,
      block: image.blockSize,
      blocks: blockCount(image),
      sha256: toHex(image.sha256),
    })),
  };
}

/** The machine's view; sizes and offsets in bytes. */
function documentOf(report: Report): object {
  const { source, found, signatures, placements, problems } = report;
  return {
    source,
    bundle: {
      identity: identity(report),
      kind: kindOf(report),
      version: found.manifest?.version ?? null,
      machine: found.manifest?.machine ?? null,
    },
    members: found.members.map(({ name, kind, offset, size, complete, digests }) => ({
      name,
      kind,
      offset,
      size,
      complete,
      ...(digests.sha256 === undefined ? {} : { sha256: toHex(digests.sha256) }),
    })),
    manifest: found.manifest,
    blocks: indexOf(report),
    signatures,
    flash: placements,
    problems: problems.map(({ code, message, member }) => ({ code, message, member: member ?? null })),
  };
}

function print(report: Report): void {
  const { source, found, signatures, placements, problems } = report;
  const out = (line: string) => stdout().write(`${line}\n`);
  const section = (
    title: string,
    head: readonly string[],
    rows: readonly (readonly (string | number)[])[],
  ) => {
    if (rows.length === 0) return;
    out(title);
    for (const line of table([head, ...rows])) out(`  ${line}`);
  };
  out(`${source}: ${kindOf(report) ?? 'no'} bundle`);
  out(`  ${identity(report) ?? 'identity not known'}`);
  section(
    'members',
    ['name', 'offset', 'bytes', 'kind'],
    found.members.map(({ name, offset, size, kind, complete }) => [
      name,
      offset ?? '-',
      size,
      `${kind ?? 'unknown'}${complete ? '' : ', cut'}`,
    ]),
  );
  const fields = Object.entries(found.manifest ?? {}).filter(([, value]) => value !== null);
  if (fields.length > 0) out('MANIFEST');
  for (const [key, value] of fields) out(`  ${key.padEnd(15)}  ${value}`);
  if (found.index !== null) {
    const { machine, version, securityVersion, images } = found.index;
    section(
      `BLOCKS: machine ${machine}, version ${version}, security version ${securityVersion ?? '-'}`,
      ['image', 'bytes', 'block', 'blocks'],
      [...images.values()].map((image) => [image.member, image.size, image.blockSize, blockCount(image)]),
    );
  }
  out('signatures');
  const width = Math.max(...signatures.map(({ of }) => of.length));
  for (const { of, state, why } of signatures) out(`  ${of.padEnd(width)}  ${state.padEnd(7)}  ${why}`);
  section(
    'flash',
    ['image', 'partition', 'offset', 'room', 'bytes', 'fits'],
    (placements ?? []).map(({ member, partition, offset, room, size, fits }) => [
      member,
      partition,
      offset === null ? '-' : `0x${offset.toString(16)}`,
      room ?? '-',
      size,
      fits ? 'yes' : 'NO',
    ]),
  );
  for (const { message, code } of problems) note(`sluice: ${message} (${code})`);
}
