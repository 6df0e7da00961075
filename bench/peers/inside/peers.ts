/** Everybody's way to write the same image. */
import { writeFileSync } from 'node:fs';
import type { Medium } from '../shape.js';
import { payload } from './chips.js';
import type { Words } from './runs.js';

export interface Peer {
  readonly name: string;
  readonly words: Words;
  /** Run afterwards, not measured. */
  readonly tidy?: Words;
}

const SLUICE = '/opt/sluice/bin/sluice';
/** A bare image does not say which machine it is for. */
const trust = (machine: string): string[] => ['--keys', payload('keys'), '--machine', machine, '--quiet'];
const sh = (text: string): Words => ['sh', '-ec', text];

/**
 * What phosphor-bmc-code-mgmt and the static layout's update script do: the tarball arrives in tmpfs, is unpacked
 * beside itself, the image is copied to where the shutdown finds it, and flashed.
 */
const STOCK_WAY = `mkdir -p /tmp/images/new /run/initramfs
cp ${payload('bmc.stock.tar')} /tmp/images/new.tar
tar -C /tmp/images/new -xf /tmp/images/new.tar
rm /tmp/images/new.tar
cp /tmp/images/new/image-bmc /run/initramfs/image-bmc
flashcp /run/initramfs/image-bmc /dev/mtd0`;

const SWUPDATE = ['swupdate', '-H', 'bench:1.0', '--ca-path', payload('ca.pem')] as const;

export function peersOf(medium: Medium, mtd: string, url: string): readonly Peer[] {
  if (medium === 'nand') {
    const image = payload('image-nand');
    const single = ['--flash', `mtd:${mtd}`, '--partition', mtd, '--sig', `${image}.sig`, ...trust('any')];
    return [
      {
        name: 'flash_erase, nandwrite',
        words: sh(`flash_erase -q /dev/mtd0 0 0; nandwrite -q /dev/mtd0 ${image}`),
      },
      { name: 'sluice, file', words: [SLUICE, 'write', image, ...single] },
    ];
  }
  const image = payload('image-bmc');
  const bundle = ['--flash', 'mtd:', ...trust('quanta-q71l')];
  writeFileSync('/tmp/stock-way', STOCK_WAY);
  return [
    {
      name: 'flash_erase, dd',
      words: sh(`flash_erase -q /dev/mtd0 0 0; dd if=${image} of=/dev/mtd0 bs=64k`),
    },
    { name: 'flashcp', words: ['flashcp', image, '/dev/mtd0'] },
    {
      name: 'OpenBMC, stock: tarball in tmpfs, flashcp',
      words: ['sh', '-e', '/tmp/stock-way'],
      tidy: ['rm', '-r', '/tmp/images', '/run/initramfs'],
    },
    { name: 'swupdate, file, streamed', words: [...SWUPDATE, '-i', payload('streamed.swu')] },
    { name: 'swupdate, file, staged', words: [...SWUPDATE, '-i', payload('staged.swu')] },
    {
      name: 'swupdate, HTTP, streamed',
      words: [...SWUPDATE, '-d', `-u ${url}/streamed.swu`],
    },
    { name: 'sluice, file', words: [SLUICE, 'write', payload('bmc.tar'), ...bundle] },
    { name: 'sluice, pipe', words: sh(`cat ${payload('bmc.tar')} | ${SLUICE} write - ${bundle.join(' ')}`) },
    { name: 'sluice, HTTP', words: [SLUICE, 'write', `${url}/bmc.tar`, ...bundle] },
    { name: 'sluice, file, stock tarball', words: [SLUICE, 'write', payload('bmc.stock.tar'), ...bundle] },
  ];
}
