/** `sluice sim`: chips that other tools can read, and a plan of what goes wrong with them. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LAYOUT } from './board.js';
import { sluice } from './run.js';
import { scratch } from './stock-bundle.js';

t.test('a fresh chip is a file of erased bytes, with its description beside it', async (t) => {
  const chip = join(scratch(t), 'chip.bin');
  const run = await sluice(['sim', 'create', chip]);
  t.equal(run.code, 0, run.stderr);
  t.match(run.stdout, /nor, 32\.0 MiB, erase blocks of 65536 bytes, erased\n/);
  t.match(run.stdout, /\n {2}kernel +0x80000 +0x440000\n/);
  t.match(run.stdout, `use it as --flash sim:${chip}`);
  t.equal(statSync(chip).size, 32 << 20);
  t.ok(readFileSync(chip).every((byte) => byte === 0xff));
  t.match(JSON.parse(readFileSync(`${chip}.json`, 'utf8')), {
    'sluice-sim': 1,
    layout: { name: 'quanta-q71l' },
  });
});

t.test('a chip is not replaced unasked', async (t) => {
  const chip = join(scratch(t), 'chip.bin');
  writeFileSync(chip, 'precious');
  const run = await sluice(['sim', 'create', chip, '--json']);
  t.equal(run.code, 2);
  t.match(run.json, { code: 'ERR_USAGE_EXISTS', next: /--force/ });
  t.equal(readFileSync(chip, 'utf8'), 'precious');
  t.match((await sluice(['sim', 'create', chip, '--force', '--json'])).json, {
    code: 'ERR_USAGE_EXISTS',
    message: /is no simulated chip/,
  });
  t.equal(readFileSync(chip, 'utf8'), 'precious');
  rmSync(chip);
  for (const more of [[], ['--force']]) {
    t.equal((await sluice(['sim', 'create', chip, ...more])).code, 0);
    t.equal(statSync(chip).size, 32 << 20);
  }
});

t.test('a chip is what its options say', async (t) => {
  const dir = scratch(t);
  const layout = join(dir, 'layout.json');
  writeFileSync(layout, JSON.stringify(LAYOUT));
  const chip = join(dir, 'nand.bin');
  const made = await sluice([
    'sim',
    'create',
    chip,
    '--layout',
    layout,
    '--type',
    'nand',
    '--bad',
    '3,7',
    '--timing',
    'w25n01gv',
    '--scale',
    '0.5',
    '--json',
  ]);
  t.equal(made.code, 0, made.stderr);
  t.match(made.json, {
    path: chip,
    geometry: { type: 'nand', size: LAYOUT.size, eraseSize: 131_072, writeSize: 2048 },
    timing: 'w25n01gv',
  });
  const shown = await sluice(['sim', 'show', chip, '--json']);
  t.match(shown.json, {
    timing: { model: 'w25n01gv', scale: 0.5 },
    factoryBad: [3, 7],
    grownBad: [],
    faults: [],
  });
  t.match((await sluice(['sim', 'show', chip])).stdout, /bad: factory 3, 7; grown none/);
});

t.test('faults are planned, wait for their turn, and are used up', async (t) => {
  const dir = scratch(t);
  const layout = join(dir, 'layout.json');
  writeFileSync(layout, JSON.stringify(LAYOUT));
  const chip = join(dir, 'chip.bin');
  await sluice(['sim', 'create', chip, '--layout', layout]);
  const image = join(dir, 'image');
  writeFileSync(image, Buffer.alloc(150_000));
  const planned = await sluice(['sim', 'fault', chip, '--fault', 'cut:torn:change:2,fail:erase:9']);
  t.match(planned.stdout, /: 2 faults planned\n$/);
  t.match((await sluice(['sim', 'show', chip])).stdout, /\n {2}2 faults planned\n$/);
  const write = () =>
    sluice([
      'write',
      image,
      '--partition',
      'kernel',
      '--trust',
      'unsigned',
      '--machine',
      'any',
      '--flash',
      `sim:${chip}`,
      '--json',
    ]);
  const cut = await write();
  t.equal(cut.code, 7);
  t.match(cut.json, { outcome: 'interrupted', code: 'ERR_FLASH_POWER_CUT', flash: 'partial' });
  t.match((await sluice(['sim', 'show', chip])).stdout, /\n {2}1 fault planned\n$/);
  t.equal((await write()).code, 0, 'the second run finishes');
});

t.test('what cannot be made is refused, with all that is known', async (t) => {
  const dir = scratch(t);
  const chip = join(dir, 'chip.bin');
  const layout = join(dir, 'layout.json');
  const bad = {
    name: 'Bad!',
    size: 100_000,
    partitions: [
      { name: 'a', offset: 0, size: 200_000 },
      { name: 'a', offset: 1, size: 5, extra: 1 },
    ],
  };
  writeFileSync(layout, JSON.stringify(bad));
  const create = ['sim', 'create', chip];
  const cases: [string[], string, RegExp][] = [
    [
      [...create, '--layout', 'q71'],
      'ERR_USAGE_LAYOUT',
      /known layouts: quanta-q71l, openbmc-64, openbmc-128/,
    ],
    [
      [...create, '--layout', layout],
      'ERR_USAGE_LAYOUT',
      /name.*ends after the chip.*extra is unknown.*twice/s,
    ],
    [[...create, '--layout', join(dir, 'none.json')], 'ERR_USAGE_LAYOUT', /no such file/],
    [[...create, '--type', 'nvram'], 'ERR_USAGE_OPTION', /nor or nand, not nvram/],
    [[...create, '--timing', 'quartz'], 'ERR_USAGE_OPTION', /known models: n25q256a/],
    [[...create, '--scale', 'fast'], 'ERR_USAGE_OPTION', /a number, not fast/],
    [[...create, '--erase-size', '-1'], 'ERR_USAGE_OPTION', /whole numbers, not -1/],
    [[...create, '--bad', '3'], 'ERR_USAGE_SIM', /NOR has no bad blocks/],
    [[...create, '--fault', 'melt'], 'ERR_USAGE_OPTION', /is not fail, weak, cut, stuck or flip/],
    [['sim', 'fault', chip], 'ERR_USAGE_OPTION', /--fault is missing/],
    [['sim', 'show', chip, '--force'], 'ERR_USAGE_OPTION', /--force is not an option of sim show/],
    [['sim', 'show', chip], 'ERR_FLASH_NO_DEVICE', /./],
    [['sim', 'show', dir], 'ERR_USAGE_SIM', /./],
    [['sim', 'create', join(dir, 'none', 'chip.bin')], 'ERR_USAGE_OUTPUT', /there is no folder/],
  ];
  for (const [words, code, message] of cases) {
    const run = await sluice([...words, '--json']);
    t.match(run.json, { code, message }, words.join(' '));
    t.not(run.code, 0);
    t.equal(run.stderr, '');
  }
  t.throws(() => statSync(chip), { code: 'ENOENT' });
});
