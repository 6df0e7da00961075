import t from 'tap';
import { usersOfUbi, type UbiNode } from '../../../../../src/host/node/flash/in-use.js';
import { fakeSystem, mount, process, type Files } from '../../../../kit/fake-system.js';

const rofs: UbiNode = {
  ubi: 0,
  volume: 1,
  name: 'rofs',
  lebSize: 126_976,
  minIo: 2048,
  major: 250,
  minor: 2,
};
const data: UbiNode = { ...rofs, ubi: 1, name: 'data', major: 249 };
const all = [{ ...rofs, volume: 0, name: 'kernel', minor: 1 }, rofs, data];

const uses = (files: Files, entry: UbiNode = rofs): string | null =>
  usersOfUbi(entry, all, fakeSystem(t.testdir(), { 'sys/class/ubi/ubi0/mtd_num': '5\n', ...files }));

const ubifs = (source: string): Files => ({ 'proc/77/mountinfo': mount('0:40', '/ro', 'ubifs', source) });

t.test('a volume on an attached MTD is free when nothing uses it', (t) => {
  t.equal(uses({}), null);
  t.equal(uses(process(9, 'cat', '/dev/ubi0_1', '0100000')), null);
  t.end();
});

t.test('UBIFS is known by each way to name a volume', (t) => {
  for (const source of ['ubi0_1', 'ubi0:rofs', 'ubi0!rofs', 'ubi:rofs', 'ubi!rofs', 'ubi1', '/dev/ubi0_1']) {
    t.equal(uses(ubifs(source)), 'mounted at /ro', source);
    t.equal(uses(ubifs(source), data), null, `${source}, and not the other`);
  }
  for (const source of ['ubi1_1', 'ubi1:data']) {
    t.equal(uses(ubifs(source)), null, source);
    t.equal(uses(ubifs(source), data), 'mounted at /ro', source);
  }
  t.end();
});

t.test('UBIFS on a volume that cannot be found may be on each', (t) => {
  for (const source of ['ubi0:renamed', '/dev/volumes/rofs', 'ubi9_9', 'ubi:data']) {
    t.equal(uses(ubifs(source)), `perhaps mounted at /ro, from ${source}`);
    t.match(uses(ubifs(source), data), /^perhaps mounted/);
  }
  t.end();
});

t.test('its block device and writers are users', (t) => {
  const exported = { 'sys/class/block/ubiblock0_1/dev': '251:1\n' };
  t.equal(uses(exported), 'exported as ubiblock0_1');
  t.equal(uses(exported, data), null);
  t.equal(
    uses({ ...exported, 'proc/77/mountinfo': mount('251:1', '/ro', 'squashfs', '/dev/root') }),
    'mounted at /ro and exported as ubiblock0_1',
  );
  t.equal(uses(process(9, 'ubiupdatevol', '/dev/ubi0_1')), 'open for writing in ubiupdatevol (pid 9)');
  t.end();
});

t.test('what cannot be understood is a doubt', (t) => {
  t.match(uses({ 'proc/77/mountinfo': 'nonsense\n' }), /^perhaps in use/);
  t.end();
});
