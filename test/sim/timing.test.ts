import t from 'tap';
import {
  eraseMs,
  findTiming,
  leastMs,
  programMs,
  TIMING_NAMES,
  TIMINGS,
  VirtualClock,
} from '../../src/core/sim/index.js';
import { RealClock } from '../../src/host/node/flash/sim-file/real-clock.js';
import { bytes, ERASE, nand, nor, PAGE } from './chips.js';

const MIB = 1024 * 1024;

t.test('the models are the chips of the data sheets', (t) => {
  t.same(TIMING_NAMES, ['n25q256a', 'mx25l25635e', 'w25q256jv', 'mt25ql256', 'w25n01gv', 'none']);
  for (const model of TIMINGS) {
    const sizes = model.erase.map(({ size }) => size);
    t.same(
      sizes,
      [...sizes].sort((a, b) => a - b),
      'erase commands ascend',
    );
  }
  t.throws(() => findTiming('n25q'), { code: 'ERR_USAGE_OPTION' });
  t.end();
});

t.test('erasing and programming 32 MiB takes what is published', (t) => {
  const whole = (name: string, eraseSize: number): number =>
    (32 * MIB * eraseMs(findTiming(name), eraseSize)) / eraseSize / 1000;
  t.match(whole('n25q256a', 65536), 358.4);
  t.match(whole('n25q256a', 4096), 2048);
  t.match(whole('mx25l25635e', 4096), 491.52);
  t.match(Math.round(whole('w25q256jv', 65536)), 77);
  t.match(Math.round(whole('mt25ql256', 65536)), 82);
  t.match(Math.round(programMs(findTiming('mt25ql256'), 0, 32 * MIB) / 1000), 16);
  t.end();
});

t.test('a block without a command of its size is erased by smaller ones', (t) => {
  const model = findTiming('n25q256a');
  t.equal(eraseMs(model, 128 * 1024), 1400);
  t.equal(eraseMs(model, 8 * 1024), 500);
  t.equal(eraseMs(model, 1024), 250, 'and never for less than the smallest');
  t.end();
});

t.test('a program costs every page that it touches', (t) => {
  const model = findTiming('n25q256a');
  t.equal(programMs(model, 0, 0), 0);
  t.equal(programMs(model, 0, 1), 0.5);
  t.equal(programMs(model, 0, 256), 0.5);
  t.equal(programMs(model, 255, 2), 1);
  t.equal(programMs(model, 0, 65536), 128);
  t.end();
});

t.test(
  'in virtual time the chip is busy exactly as long as the floor of what it did, and nobody waits',
  async (t) => {
    const timing = findTiming('n25q256a');
    const clock = new VirtualClock();
    const { chip } = nor([], { timing, clock });
    const started = performance.now();
    for (const block of [0, 1, 2]) {
      await chip.erase(block);
      await chip.program(block * ERASE, bytes(ERASE, 0));
    }
    const needed = leastMs(timing, chip.geometry, { eraseBlocks: 3, programBytes: 3 * ERASE });
    t.equal(needed, 3 * 250 + 3 * 8);
    t.equal(chip.estimate(3, 3 * ERASE), needed);
    t.equal(chip.stats().busyMs, needed);
    t.equal(clock.elapsed, needed);
    t.ok(performance.now() - started < needed / 2);
    await chip.read(0, new Uint8Array(54_00));
    t.match(chip.stats().busyMs, needed + 0.1);
  },
);

t.test('a chip without timing takes no time', async (t) => {
  const { chip } = nand();
  await chip.erase(0);
  await chip.program(0, bytes(PAGE, 0));
  await chip.read(0, new Uint8Array(PAGE));
  t.equal(chip.stats().busyMs, 0);
});

t.test('in scaled real time operations take their share, short ones together', async (t) => {
  const timing = findTiming('n25q256a');
  const { chip } = nor([], { timing, clock: new RealClock(0.1) });
  let started = performance.now();
  await chip.erase(0);
  const erase = performance.now() - started;
  t.ok(erase >= 20 && erase < 200, `an erase of 250 ms at 0.1 took ${erase} ms`);
  started = performance.now();
  for (let page = 0; page < 16; page++) await chip.program(page * 256, bytes(256, 0));
  const programs = performance.now() - started;
  t.ok(programs < 100, `16 programs of 0.05 ms took ${programs} ms`);
  t.match(chip.stats().busyMs, 258);
});
