/** The units of systemd/, as systemd's own tools judge them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { LAUNCHER } from '../kit/serve-kit.js';

const UNITS = fileURLToPath(new URL('../../systemd', import.meta.url));
const SERVICE = readFileSync(join(UNITS, 'sluice.service'), 'utf8');

/** Why a program of systemd cannot be run; false when it can. */
function lacking(program: string): string | false {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  return error === undefined ? false : `${program} is not installed (package systemd)`;
}

/** Values of a setting, in the order of the file. */
function settings(key: string): string[] {
  return [...SERVICE.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

t.test('systemd takes the units as they are', { skip: lacking('systemd-analyze') }, async (t) => {
  const dir = t.testdir({});
  // Only the program is looked for, and is not installed here.
  writeFileSync(join(dir, 'sluice.service'), SERVICE.replace('/usr/bin/sluice', LAUNCHER));
  copyFileSync(join(UNITS, 'sluice.socket'), join(dir, 'sluice.socket'));
  const verify = (): { status: number | null; said: string } => {
    const paths = ['sluice.service', 'sluice.socket'].map((name) => join(dir, name));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths]);
    return {
      status,
      said: String(stderr)
        .split('\n')
        .filter((line) => line.includes(dir))
        .join('\n'),
    };
  };
  t.same(verify(), { status: 0, said: '' });
  writeFileSync(join(dir, 'sluice.service'), SERVICE.replace('\nWatchdogSec=', '\nWatchDogSec='));
  t.match(verify().said, /Unknown key (name )?'WatchDogSec'/, 'it would say so');
});

t.test(
  'systemd rates the exposure of the service 1.5 or better',
  { skip: lacking('systemd-analyze') },
  (t) => {
    const rate = (path: string): { rating: number; marked: string[] } => {
      const words = ['security', '--offline=yes', '--no-pager', path];
      const text = execFileSync('systemd-analyze', words, {
        env: { ...process.env, SYSTEMD_COLORS: '0', LC_ALL: 'C.UTF-8' },
      });
      const [, rating] = /Overall exposure level for sluice\.service: ([\d.]+)/.exec(String(text)) ?? [];
      return {
        rating: Number(rating),
        marked: [...String(text).matchAll(/^✗ ([A-Za-z]+)/gm)].map(([, name = '']) => name),
      };
    };
    const { rating, marked } = rate(join(UNITS, 'sluice.service'));
    t.comment(`rated ${rating}, marked ${marked.join(', ')}`);
    t.ok(rating <= 1.5, `${rating}`);
    const explained = SERVICE.slice(SERVICE.indexOf('# --- Remaining findings of systemd-analyze security'));
    for (const name of marked) t.match(explained, new RegExp(`\\b${name}\\b`), `${name} is explained`);
    const open = join(t.testdir({}), 'sluice.service');
    writeFileSync(open, SERVICE.replace('NoNewPrivileges=yes', '').replace('PrivateUsers=yes', ''));
    t.ok(rate(open).rating > rating, 'it is a measure');
    t.end();
  },
);

t.test('the service is not root, and may open MTD and UBI and nothing else', (t) => {
  t.same(settings('User'), ['sluice']);
  t.same(settings('Group'), ['flash']);
  t.same(settings('DevicePolicy'), ['closed']);
  t.same(settings('DeviceAllow'), ['char-mtd rw', 'char-ubi* rw']);
  // These add the clock and others to what may be opened (systemd.exec(5)).
  for (const key of ['ProtectClock', 'PrivateDevices']) t.same(settings(key), []);
  t.same(settings('CapabilityBoundingSet'), ['']);
  t.same(settings('AmbientCapabilities'), ['']);
  t.end();
});

t.test(
  'the user and the groups of the units are those that sysusers.d makes',
  { skip: lacking('systemd-sysusers') },
  async (t) => {
    const root = t.testdir({ etc: { passwd: '', group: '' } });
    execFileSync('systemd-sysusers', [`--root=${root}`, '-'], {
      input: readFileSync(join(UNITS, 'sluice.sysusers.conf')),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const group = readFileSync(join(root, 'etc/group'), 'utf8');
    const passwd = readFileSync(join(root, 'etc/passwd'), 'utf8');
    t.match(passwd, /^sluice:x:\d+:\d+:[^:]*:\/var\/lib\/sluice:\S*nologin$/m);
    t.match(group, /^flash:x:\d+:sluice$/m, 'whom the rule for udev gives the flash to');
    const rules = readFileSync(join(UNITS, '70-sluice.rules'), 'utf8');
    const lines = rules.split('\n').filter((line) => /^[^#]/.test(line));
    t.ok(lines.length > 0);
    for (const line of lines) t.match(line, /GROUP="flash", MODE="0660"$/);
  },
);

t.test('tmpfiles.d makes the folders', { skip: lacking('systemd-tmpfiles') }, async (t) => {
  const root = t.testdir({ etc: { passwd: 'sluice:x:1:1::/:/bin/false\n', group: 'flash:x:2:\n' }, var: {} });
  const config = join(root, 'usr/lib/tmpfiles.d');
  mkdirSync(config, { recursive: true });
  copyFileSync(join(UNITS, 'sluice.tmpfiles.conf'), join(config, 'sluice.conf'));
  const words = [`--root=${root}`, '--dry-run', '--create', 'sluice.conf'];
  // Without --dry-run (systemd 256) only that it can be read is seen, and giving folders away takes root.
  const { status, stderr } = spawnSync('systemd-tmpfiles', words);
  if (/unrecognized option/.test(String(stderr))) {
    const made = spawnSync(
      'systemd-tmpfiles',
      words.filter((word) => word !== '--dry-run'),
    );
    if (process.getuid?.() !== 0) return void t.notMatch(String(made.stderr), /sluice\.conf:\d+/);
    t.equal(made.status, 0, String(made.stderr));
    return void t.match(
      execFileSync('ls', ['-ldn', join(root, 'var/lib/sluice')]).toString(),
      /^drwxr-x---\S* \d+ 1 2 /,
    );
  }
  t.equal(status, 0, String(stderr));
});
