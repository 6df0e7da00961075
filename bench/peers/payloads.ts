/** The same 32 MiB for everybody: bare, as OpenBMC's tarball, as swupdate's, as ours. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpio } from '../../test/proof/guest/vm/cpio.js';
import { changed, FixtureMaker } from '../../test/proof/guest/fixtures.js';
import { NAND_BLOCK, NAND_SIZE, NOR_BLOCK, NOR_SIZE } from './shape.js';
import { noise } from '../../test/kit/noise.js';

/** Fills `dir`, which the guest sees as /host/payloads. */
export function makePayloads(dir: string, work: string, program: string): void {
  for (const folder of [dir, work]) mkdirSync(folder, { recursive: true });
  const maker = new FixtureMaker(dir, work, program);
  const nor = noise(NOR_SIZE, 1);
  maker.file('image-bmc', nor);
  maker.file('nor.5', changed(nor));
  maker.file('nor.100', noise(NOR_SIZE, 2));
  maker.bundle('bmc', { 'image-bmc': nor });
  // One block's worth, to see what starting, proving and ending cost.
  maker.bundle('tiny', { 'image-bmc': nor.subarray(0, NOR_BLOCK) });

  const nand = noise(NAND_SIZE, 3);
  maker.single('image-nand', nand);
  maker.file('nand.5', changed(nand, NAND_BLOCK));
  maker.file('nand.100', noise(NAND_SIZE, 4));

  makeSwupdates(dir, work);
}

const openssl = (...args: string[]): void =>
  void execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Archives for Debian's swupdate: a description signed by CMS, the image behind it. */
function makeSwupdates(dir: string, work: string): void {
  const at = (name: string): string => join(work, name);
  const ca = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '36500', '-subj', '/CN=bench-ca'];
  openssl('req', ...ca, '-keyout', at('ca.key'), '-out', join(dir, 'ca.pem'));
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=bench',
    '-keyout',
    at('cms.key'),
    '-out',
    at('csr'),
  );
  // swupdate asks for the purpose of S/MIME signing.
  writeFileSync(at('extensions'), 'extendedKeyUsage=emailProtection\nkeyUsage=digitalSignature\n');
  const signed = ['-CA', join(dir, 'ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '36500'];
  openssl('x509', '-req', '-in', at('csr'), ...signed, '-extfile', at('extensions'), '-out', at('cms.pem'));

  const image = readFileSync(join(dir, 'image-bmc'));
  for (const [name, direct] of [
    ['streamed.swu', true],
    ['staged.swu', false],
  ] as const) {
    const description = `software = {
  version = "1";
  hardware-compatibility: [ "1.0" ];
  images: ({
    filename = "image-bmc"; type = "flash"; device = "mtd0";
    sha256 = "${createHash('sha256').update(image).digest('hex')}";${direct ? ' installed-directly = true;' : ''}
  });
}
`;
    writeFileSync(at('sw-description'), description);
    const signer = ['-signer', at('cms.pem'), '-inkey', at('cms.key')];
    const form = ['-outform', 'DER', '-nosmimecap', '-binary'];
    openssl('cms', '-sign', '-in', at('sw-description'), '-out', at('signature'), ...signer, ...form);
    const entries = [
      { name: 'sw-description', file: Buffer.from(description) },
      { name: 'sw-description.sig', file: readFileSync(at('signature')) },
      { name: 'image-bmc', file: image },
    ];
    writeFileSync(join(dir, name), cpio(entries, 'crc'));
  }
  rmSync(at('cms.key'));
}
