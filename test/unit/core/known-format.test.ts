/** What is given in place of a tarball or of an image is known by its first bytes. */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { notATarball, requireRawImage } from '../../../src/core/known-format.js';
import { noise } from '../../kit/noise.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** First bytes as the tools of each format write them. */
const HEADS: Readonly<Record<string, readonly Buffer[]>> = {
  'compressed with zstd': [
    latin1('\x28\xb5\x2f\xfd\x24'),
    latin1('\x50\x2a\x4d\x18'),
    latin1('\x5f\x2a\x4d\x18'),
  ],
  'compressed with xz': [latin1('\xfd7zXZ\0\0\x04')],
  'compressed with bzip2': [latin1('BZh91AY&SY'), latin1('BZh1\x17rE8P\x90')],
  'compressed with lzip': [latin1('LZIP\x01\x17')],
  'a 7z archive': [latin1('7z\xbc\xaf\x27\x1c\0\x04')],
  'a zip archive': [latin1('PK\x03\x04\x14'), latin1('PK\x05\x06')],
  HTML: [
    latin1('<!DOCTYPE html>'),
    latin1('\n <!doctype HTML PUBLIC'),
    latin1('<html lang="en">'),
    latin1('\xef\xbb\xbf<HTML>'),
  ],
  'compressed with gzip': [gzipSync('x')],
  'compressed with lz4': [latin1('\x04\x22\x4d\x18\x64')],
  'compressed with lzma': [
    latin1(`\x5d\0\0\x80\0${'\xff'.repeat(8)}`),
    latin1(`\x5d\0\0\x80\0\x10\0\0\0\0\0\0\0`),
  ],
  'a cpio archive': [latin1('070701'), latin1('070707')],
  XML: [latin1('<?xml version="1.0"?>'), latin1('<!-- x -->')],
  JSON: [latin1('{"error":'), latin1('[\n  {')],
  'a PEM file': [latin1('-----BEGIN PUBLIC KEY-----')],
  'a squashfs image': [latin1('hsqs\x01')],
  'a FIT image or device tree': [latin1('\xd0\x0d\xfe\xed\0')],
  'a UBI image': [latin1('UBI#\x01')],
};
const ANYWHERE = ['a cpio', 'XML', 'JSON', 'a PEM', 'a squash', 'a FIT', 'a UBI'];
const IN_A_KERNEL = ['gzip', 'lz4', 'lzma'];

t.test('each format is named in place of a tarball', (t) => {
  for (const [what, heads] of Object.entries(HEADS)) {
    for (const head of heads) {
      const message = `this is ${what}, not a tarball`;
      t.match(notATarball(head), { code: 'ERR_SOURCE_FORMAT', message }, head.toString('latin1'));
      t.match(notATarball(Buffer.concat([head, noise(600, 1)])), { message }, 'with more behind it');
    }
  }
  for (const other of ['', 'a', 'BZh', 'image-kernel', '{', '<', '\0\0\0'])
    t.equal(notATarball(latin1(other)), null, other);
  t.end();
});

t.test('no image is compressed as a whole, but a kernel may be, for the boot loader', (t) => {
  for (const [what, heads] of Object.entries(HEADS)) {
    for (const head of heads) {
      const refuses = (member: string): boolean => {
        try {
          requireRawImage(member, head);
          return false;
        } catch (thrown) {
          t.match(thrown, {
            code: 'ERR_SOURCE_FORMAT',
            member,
            message: `${member} is ${what}, not the bytes of a partition`,
          });
          return true;
        }
      };
      const anywhere = ANYWHERE.some((start) => what.startsWith(start));
      const kernel = anywhere || IN_A_KERNEL.some((end) => what.endsWith(end));
      t.equal(refuses('image-rofs'), !anywhere, `rofs: ${what}`);
      t.equal(refuses('image-kernel'), !kernel, `kernel: ${what}`);
    }
  }
  t.end();
});
