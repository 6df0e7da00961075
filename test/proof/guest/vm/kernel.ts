import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, hostRun } from './run-host.js';

// Documentation/x86/boot.rst, the real-mode header of a bzImage.
const SETUP_SECTORS = 0x1f1;
const MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR = 512;
/** Behind the compressed kernel stands its size unpacked. */
const SIZE_FIELD = 4;

/**
 * The kernel as QEMU is to load it: the ELF file out of the bzImage, which starts by PVH with no decompressor run
 * under emulation (2 s less a boot). The bzImage itself where it cannot be had.
 */
export function bootableKernel(root: string): string {
  const boot = join(root, 'boot');
  const image = readdirSync(boot).find((name) => name.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error('the kernel package has no vmlinuz');
  const elf = join(boot, 'vmlinux');
  if (existsSync(elf)) return elf;
  const payload = payloadOf(readFileSync(join(boot, image)));
  const isXz = payload.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]));
  if (!isXz || findProgram('xz') === null) return join(boot, image);
  writeFileSync(`${elf}.${process.pid}`, hostRun('xz', ['-dc'], { input: payload }));
  renameSync(`${elf}.${process.pid}`, elf);
  return elf;
}

function payloadOf(image: Buffer): Buffer {
  if (image.toString('latin1', MAGIC, MAGIC + 4) !== 'HdrS') throw new Error('vmlinuz is not a bzImage');
  const start = (image.readUInt8(SETUP_SECTORS) + 1) * SECTOR + image.readUInt32LE(PAYLOAD_OFFSET);
  return image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH) - SIZE_FIELD);
}
