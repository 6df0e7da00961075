import zlib from 'node:zlib';
import { crc32 as crc32InScript } from '../../../core/crc32.js';

/** CRC-32 by zlib, several times as fast as in script; undefined before Node 20.15. */
export const zlibCrc32: typeof crc32InScript | undefined = zlib.crc32;

/** By zlib if available. */
export const crc32 = zlibCrc32 ?? crc32InScript;
