/**
 * The goals of time: sluice beside the least that anybody has to do who proves what is written. Each round runs
 * everything once, so that a busy moment of the machine hits all alike.
 */
import { cpSync } from 'node:fs';
import type { Marks, Medium } from '../shape.js';
import { openChip, payload } from './chips.js';
import { measured, type Words } from './runs.js';

const SLUICE = '/opt/sluice/bin/sluice';
const NULL = '/dev/null';

export function measureMarks(medium: Medium, rounds: number): Marks {
  const chip = openChip(medium);
  const inTmpfs = (name: string): string => {
    cpSync(payload(name), `/tmp/${name}`);
    return `/tmp/${name}`;
  };
  const image = inTmpfs(medium === 'nor' ? 'image-bmc' : 'image-nand');
  const trust = (machine: string): string[] => ['--keys', payload('keys'), '--machine', machine, '--quiet'];
  const { path, name } = chip.mtd;
  const sig = `${payload('image-nand')}.sig`;
  const single = ['--flash', `mtd:${name}`, '--partition', name, '--sig', sig, ...trust('any')];
  const device = '/dev/mtd0';

  const common: Readonly<Record<string, Words>> = {
    'node -e 0': ['node', '-e', '0'],
    'sluice --version': [SLUICE, '--version'],
    flash_erase: ['flash_erase', '-q', device, '0', '0'],
  };
  const own: Readonly<Record<string, Words>> =
    medium === 'nor'
      ? {
          dd: ['dd', `if=${image}`, `of=${device}`, 'bs=64k'],
          sha256sum: ['sha256sum', image],
          'reading the device back': ['dd', `if=${device}`, `of=${NULL}`, 'bs=64k'],
          'sluice, one block': [
            SLUICE,
            'write',
            inTmpfs('tiny.tar'),
            '--flash',
            'mtd:',
            ...trust('quanta-q71l'),
          ],
          sluice: [SLUICE, 'write', inTmpfs('bmc.tar'), '--flash', 'mtd:', ...trust('quanta-q71l')],
        }
      : {
          nandwrite: ['nandwrite', '-q', device, image],
          sha256sum: ['sha256sum', image],
          'reading the device': ['dd', `if=${path}`, `of=${NULL}`, 'bs=128k'],
          sluice: [SLUICE, 'write', image, ...single],
        };
  const found: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [what, words] of Object.entries({ ...common, ...own })) {
      // NOR: every block is another one. NAND: one in twenty.
      if (what === 'sluice') chip.prepare(medium === 'nor' ? 100 : 5);
      const { wall } = measured(words);
      (found[what] ??= []).push(wall);
      process.stdout.write(`bench: ${medium}, round ${round + 1}: ${what}: ${wall.toFixed(2)} s\n`);
      if (what === 'sluice') chip.check();
    }
  }
  return found;
}
