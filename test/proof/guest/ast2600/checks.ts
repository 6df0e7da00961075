/** What must hold on the board. Every test takes the chip as the one before has left it. */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { readTap, type TapPoint } from '../../../kit/suite-bundle.js';
import { writeCommand, type Board, type Used, type Written } from './board.js';
import { differing, ERASE_SIZE, LAYOUT, range, withImages, type Images } from './chip.js';
import { print, type Report } from './report.js';
import { erasesWithin } from './trace.js';

/** One line of the results. */
export interface Row {
  readonly what: string;
  /** MiB of memory that the kernel had. */
  readonly memory: number;
  /** Erase blocks of 4 KiB. */
  readonly erased: number | null;
  readonly used: Used;
}

/** What the tests have found out besides that they pass. */
export interface Found {
  readonly rows: Row[];
  conformance: { tests: number; assertions: number; skipped: number } | null;
  /** MiB that were available at the start, and what came of the update. */
  readonly ballast: { available: number; outcome: string; used: Used | null }[];
  readonly facts: Record<string, string>;
}

/** MiB of QEMU's machine when nothing limits it. */
const FULL_MEMORY = 1024;

const count = (points: readonly TapPoint[]): number =>
  points.reduce((sum, point) => sum + (point.points.length === 0 ? 1 : count(point.points)), 0);

const failing = (points: readonly TapPoint[], path = ''): string[] =>
  points.flatMap((point) =>
    point.ok
      ? []
      : point.points.length === 0
        ? [path + point.name]
        : failing(point.points, `${path}${point.name}: `),
  );

const erasedBy = ({ receipt }: Written): number =>
  Object.values(receipt.partitions).reduce((sum, { erased }) => sum + erased, 0);

/**
 * Runs an update that must be committed and checks it from outside: the chip's bytes, that exactly as many blocks
 * were erased as the receipt says, each once and in its partition, and that no program wanted a bit set.
 */
async function update(
  board: Board,
  source: string,
  images: Images,
  args: readonly string[] = [],
): Promise<Written> {
  const guest = await board.guest();
  const wanted = withImages(board.bytes(), images);
  const before = guest.trace().erases.length;
  const written = await board.mustWrite(source, args);
  await board.expect(wanted, 'the chip holds the images and all else as before');
  const trace = guest.trace();
  assert.deepEqual(trace.illegal, [], 'no program wanted a bit set');
  for (const { name, offset, size } of LAYOUT) {
    const erases = erasesWithin(trace, { offset, size }, before);
    const said = written.receipt.partitions[name]?.erased ?? 0;
    const bytes = erases.reduce((sum, { length }) => sum + length, 0);
    assert.equal(bytes, said * ERASE_SIZE, `${name}: as much was erased as the receipt says`);
    assert.equal(new Set(erases.map(({ offset }) => offset)).size, erases.length, `${name}: nothing twice`);
  }
  return written;
}

/** Refused, and the chip was neither erased nor programmed. */
async function refused(board: Board, source: string, code: string, exit: number): Promise<void> {
  const guest = await board.guest();
  const before = board.bytes();
  const erases = guest.trace().erases.length;
  const written = await board.write(source);
  assert.equal(written.receipt.code, code, written.receipt.message);
  assert.equal(written.code, exit);
  assert.equal(written.receipt.flash, 'untouched');
  await setTimeout(500);
  assert.deepEqual(differing(board.bytes(), before), [], 'no byte of the chip is another one');
  assert.equal(guest.trace().erases.length, erases, 'nothing was erased');
}

/** Blocks of 4 KiB that are under way at a time: one of the index, 64 KiB, and the one that is received meanwhile. */
const UNDER_WAY = 32;

/** The release that the chip does not hold: what the chip holds after it, and the blocks that it changes. */
function nextRelease(board: Board): { name: 'one' | 'two'; wanted: Buffer; all: number[] } {
  const before = board.bytes();
  const releases = (['one', 'two'] as const).map((name) => {
    const wanted = withImages(before, board.bundles.images[name]);
    return { name, wanted, all: differing(before, wanted) };
  });
  return releases.sort((a, b) => b.all.length - a.all.length)[0] as (typeof releases)[number];
}

/** Whether the chip holds the kernel of these images. */
function kernelIn(chip: Buffer, offset: number, { kernel }: Readonly<Record<string, Uint8Array>>): boolean {
  return kernel !== undefined && chip.subarray(offset, offset + kernel.length).equals(kernel);
}

/** The second run, after one that was cut short and left those blocks: it does their work and no other. */
async function finish(board: Board, url: string, wanted: Buffer, left: readonly number[]): Promise<void> {
  const guest = await board.guest();
  const before = guest.trace().erases.length;
  const written = await board.mustWrite(url);
  await board.expect(wanted, 'the chip is right after the second run');
  const trace = guest.trace();
  assert.deepEqual(trace.illegal, [], 'no program wanted a bit set');
  const erased = trace.erases.slice(before).map(({ offset }) => offset);
  assert.equal(erased.length, erasedBy(written), 'as much was erased as the receipt says');
  assert.ok(
    erased.every((offset) => left.includes(offset)),
    'what was finished is not erased again',
  );
}

export async function checkBoard(board: Board, report: Report, found: Found): Promise<void> {
  const { images, mib } = board.bundles;
  const keep = (what: string, written: Written, memory = FULL_MEMORY): Written => {
    found.rows.push({ what, memory, erased: erasedBy(written), used: written.used });
    return written;
  };

  await report.test('the kernel has the partitions of the device tree, and Node runs', async () => {
    const mtd = await board.run('cat /proc/mtd');
    for (const { name, size } of LAYOUT) {
      assert.match(
        mtd,
        new RegExp(`^mtd\\d+: ${size.toString(16).padStart(8, '0')} 00001000 "${name}"$`, 'm'),
      );
    }
    found.facts['node'] = (await board.run('node --version')).trim();
    found.facts['kernel'] = (await board.run('uname -srvm')).trim();
    found.facts['cpu'] = /model name\s*: (.*)/.exec(await board.run('cat /proc/cpuinfo'))?.[1] ?? 'unknown';
    const used = await board.measure('node -e 0');
    found.rows.push({ what: 'node -e 0', memory: FULL_MEMORY, erased: null, used });
  });

  await report.test('the conformance suite passes on SPI NOR through the cross-built addon', async () => {
    // On the other chip, and small: the suite reads the whole device in many tests.
    const output = await board.run(`
      pnor=$(sed -n 's/^\\(mtd[0-9]*\\):.*"pnor"$/\\1/p' /proc/mtd)
      /usr/sbin/mtdpart add /dev/$pnor conformance 0x10000 0x20000
      grep '"conformance"' /proc/mtd
      SLUICE_TEST_MTD=conformance node /payload/dist/bin/conformance.mjs; echo "exit $?"`);
    const points = readTap(output);
    assert.deepEqual(failing(points), [], output.slice(-3000));
    assert.match(output, /exit 0\n$/);
    const suite = points.find(({ name }) => name === 'mtd:conformance');
    assert.ok(suite !== undefined && suite.points.length > 15, 'the suite ran');
    const skipped = suite.points.filter(({ skip }) => skip !== null).length;
    found.conformance = { tests: suite.points.length, assertions: count(suite.points), skipped };
    print(`# ${found.conformance.tests} tests, ${found.conformance.assertions} assertions`);
    const trace = (await board.guest()).trace();
    assert.deepEqual(trace.illegal, [], 'no program wanted a bit set');
    assert.ok(trace.erases.length > 0);
  });

  await report.test('a whole update by HTTP: 100 % of the blocks', async () => {
    const written = keep(`HTTP, ${mib} MiB, 100 %`, await update(board, board.url('one.tar'), images.one));
    assert.equal(
      erasedBy(written),
      Object.values(images.one).reduce((n, { length }) => n + Math.ceil(length / ERASE_SIZE), 0),
    );
  });

  await report.test('the same again: nothing is erased', async () => {
    const written = keep(`HTTP, ${mib} MiB, 0 %`, await update(board, board.url('one.tar'), images.one));
    assert.equal(erasedBy(written), 0);
  });

  await report.test('5 % of the blocks, from a file: those are erased and no others', async () => {
    const wanted = differing(board.bytes(), withImages(board.bytes(), images.five));
    assert.ok(wanted.length > 100);
    const guest = await board.guest();
    const before = guest.trace().erases.length;
    const written = keep(`file, ${mib} MiB, 5 %`, await update(board, board.path('five.tar'), images.five));
    assert.equal(erasedBy(written), wanted.length);
    const erased = guest
      .trace()
      .erases.slice(before)
      .map(({ offset }) => offset);
    assert.deepEqual(
      erased.sort((a, b) => a - b),
      wanted,
    );
  });

  await report.test('a whole update from a file: 100 % of the blocks', async () => {
    keep(`file, ${mib} MiB, 100 %`, await update(board, board.path('two.tar'), images.two));
  });

  await report.test('--only kernel from a file leaves every byte of the other partitions alone', async () => {
    const { kernel } = images.one;
    keep(
      'file, --only kernel, 5 MiB',
      await update(board, board.path('one.tar'), { kernel: kernel as Buffer }, ['--only', 'kernel']),
    );
  });

  await report.test('a stock tarball from a file: checked first, then written', async () => {
    await board.mustWrite(board.path('one.tar'));
    // Not the four images of OpenBMC, and no BLOCKS: which they are has to be said.
    const only = ['--only', 'kernel,rofs,u-boot'];
    keep(
      `file, stock tarball, ${mib} MiB, 100 %`,
      await update(board, board.path('two.stock.tar'), images.two, only),
    );
  });

  await report.test('a bundle of an unknown signer does not touch the flash', () =>
    refused(board, board.path('stranger.tar'), 'ERR_TRUST_SIGNATURE', 3),
  );

  await report.test('a stock tarball with one flipped bit does not touch the flash', () =>
    refused(board, board.url('bent.stock.tar'), 'ERR_TRUST_SIGNATURE', 3),
  );

  await report.test(
    'a partition that is mounted is refused before anything is erased, and its neighbours are not',
    async () => {
      await board.run('mount -t jffs2 mtd:rwfs /mnt && touch /mnt/here && sync');
      await setTimeout(1000);
      const { receipt, code } = await board.write(board.path('rwfs.tar'));
      assert.equal(receipt.code, 'ERR_BUSY_IN_USE', receipt.message);
      assert.equal(code, 6);
      assert.match(receipt.message, /\/mnt/);
      // As it is on a board that runs: rwfs is mounted, and the others are updated.
      const { offset, size } = range('kernel');
      const before = board.bytes();
      const name = kernelIn(before, offset, images.two) ? 'one' : 'two';
      const wanted = withImages(before, { kernel: images[name].kernel as Buffer });
      const other = await board.mustWrite(board.path(`${name}.tar`), ['--only', 'kernel']);
      assert.ok(erasedBy(other) > 0);
      await setTimeout(1000);
      assert.ok(
        board
          .bytes()
          .subarray(offset, offset + size)
          .equals(wanted.subarray(offset, offset + size)),
      );
      await board.run(
        'test -e /mnt/here && umount /mnt && mount -t jffs2 mtd:rwfs /mnt && test -e /mnt/here && umount /mnt',
      );
    },
  );

  await report.test(
    'kill -9 in the middle, and the second run erases only what was not finished',
    async () => {
      const { name, wanted, all } = nextRelease(board);
      const guest = await board.guest();
      const url = board.url(`${name}.tar`);
      const started = guest.trace().erases.length;
      const open = board.host.gate('kill');
      void board.erased(all.length / 2).then(open);
      const output = await board.run(`${writeCommand(url)} > /tmp/receipt 2>&1 & pid=$!
      wget -q -O - http://$server/gate/kill; kill -9 $pid; wait $pid; echo "ended $?"; sync`);
      assert.match(output, /ended 137/, 'it was killed, not done');
      await setTimeout(1000);
      const first = guest.trace().erases.slice(started);
      const left = differing(board.bytes(), wanted);
      print(`# ${all.length - left.length} of ${all.length} blocks were finished when it was killed`);
      assert.ok(left.length > 0 && left.length < all.length, 'it was in the middle');
      assert.ok(
        first.length - (all.length - left.length) <= UNDER_WAY,
        'no more were erased than were under way',
      );
      await finish(board, url, wanted, left);
    },
  );

  for (const share of [0.3, 0.8]) {
    await report.test(
      `the power is cut at ${share * 100} %, and after a boot the second run mends the chip`,
      async () => {
        await board.guest();
        const { name, wanted, all } = nextRelease(board);
        const before = board.bytes();
        const url = board.url(`${name}.tar`);
        const job = board.run(writeCommand(url));
        job.catch(() => {});
        await board.erased(all.length * share);
        await board.down(true);
        await assert.rejects(job, 'the guest is gone');
        const torn = board.bytes();
        const left = differing(torn, wanted);
        assert.ok(left.length > 0 && left.length < all.length, 'it was in the middle');
        const neither = left.filter(
          (at) => torn.compare(before, at, at + ERASE_SIZE, at, at + ERASE_SIZE) !== 0,
        );
        print(
          `# cut with ${left.length} of ${all.length} blocks to go, ${neither.length} neither old nor new`,
        );
        await finish(board, url, wanted, left);
      },
    );
  }

  await report.test('flashcp writes the same rofs, for comparison', async () => {
    const { rofs } = images.two;
    const rofsMib = (rofs as Buffer).length / 2 ** 20;
    const wanted = withImages(board.bytes(), { rofs: rofs as Buffer });
    const device = (await board.run(`sed -n 's/^\\(mtd[0-9]*\\):.*"rofs"$/\\1/p' /proc/mtd`)).trim();
    const used = await board.measure(`/usr/sbin/flashcp -v /payload/bundles/rofs.img /dev/${device}`);
    await board.expect(wanted, 'flashcp wrote it');
    found.rows.push({
      what: `flashcp -v, file, rofs alone, ${rofsMib} MiB`,
      memory: FULL_MEMORY,
      erased: (rofs as Buffer).length / ERASE_SIZE,
      used,
    });
    keep(
      `file, --only rofs, ${rofsMib} MiB`,
      await update(board, board.path('one.tar'), { rofs: images.one['rofs'] as Buffer }, ['--only', 'rofs']),
    );
    keep(
      `HTTP, --only rofs, ${rofsMib} MiB`,
      await update(board, board.url('two.tar'), { rofs: rofs as Buffer }, ['--only', 'rofs']),
    );
  });
}

/** MiB of memory: what the smaller boards have that OpenBMC runs on (quanta-q71l). */
const SMALL_MEMORY = 128;

/** MiB that are left available, from ample to too little. */
const BALLASTS = [64, 48, 40, 32, 28, 24, 20, 16] as const;

/** @param least - MiB below which is not tried */
export async function checkSmallMemory(
  board: Board,
  report: Report,
  found: Found,
  least: number,
): Promise<void> {
  const { images, mib } = board.bundles;
  await report.test('with little memory a whole update by HTTP and from a file', async () => {
    await board.guest(SMALL_MEMORY);
    const idle = await board.measure('node -e 0');
    found.rows.push({ what: 'node -e 0', memory: SMALL_MEMORY, erased: null, used: idle });
    for (const [what, source, name] of [
      [`HTTP, ${mib} MiB, 100 %`, board.url('one.tar'), 'one'],
      [`file, ${mib} MiB, 100 %`, board.path('two.tar'), 'two'],
    ] as const) {
      const written = await update(board, source, images[name]);
      found.rows.push({ what, memory: SMALL_MEMORY, erased: erasedBy(written), used: written.used });
      assert.ok(written.used.tmpfs < 256, 'nothing was put into tmpfs');
    }
  });

  await report.test('how little available memory is enough', async () => {
    await board.guest(SMALL_MEMORY);
    await board.run('mkdir -p /tmp/ballast && mount -t tmpfs -o size=100% ballast /tmp/ballast');
    for (const [index, target] of BALLASTS.filter((mib) => mib >= least).entries()) {
      // Every block changes, so that each run does the same work.
      const name = index % 2 === 0 ? 'one' : 'two';
      try {
        const before = Number(
          await board.run(`rm -f /tmp/ballast/*; sync; echo 3 > /proc/sys/vm/drop_caches; sleep 1
            available() { sed -n 's/^MemAvailable: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo; }
            dd if=/dev/zero of=/tmp/ballast/x bs=1M count=$((($(available) - ${target} * 1024) / 1024)) 2>/dev/null
            available`),
        );
        const available = Math.round(before / 102.4) / 10;
        const { code, receipt, used } = await board.write(board.url(`${name}.tar`));
        found.ballast.push({
          available,
          outcome: code === 0 ? 'committed' : `${code} ${receipt.code}`,
          used,
        });
        print(`# ${available} MiB available: exit ${code}, ${used.wall} s`);
        if (code !== 0) break;
      } catch (thrown) {
        found.ballast.push({ available: target, outcome: 'did not end', used: null });
        print(`# ${target} MiB available: ${String(thrown).split('\n')[0]}`);
        break;
      }
    }
    assert.ok(found.ballast.some(({ available, outcome }) => available <= 48 && outcome === 'committed'));
  });
}
