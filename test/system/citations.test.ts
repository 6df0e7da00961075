/** What .ci/citations.mjs finds: text that points to what is not there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { scratch } from './stock-bundle.js';

const CHECK = resolve('.ci/citations.mjs');
const skip = spawnSync('git', ['--version']).status === 0 ? false : 'no git';

/** Runs the check in a repository with these files: its exit code, and a line for each fault. */
function check(t: Test, files: Readonly<Record<string, string>>): { code: number | null; faults: string[] } {
  const dir = scratch(t);
  execFileSync('git', ['init', '--quiet', dir]);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, dirname(path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const { status, stderr } = spawnSync(process.execPath, [CHECK], { cwd: dir, encoding: 'utf8' });
  return { code: status, faults: stderr.split('\n').filter((line) => line !== '') };
}

const PAGE = '# A page\n\n## What it *says*, in short\n';

t.test('what is there may be pointed to', { skip }, async (t) => {
  const { code, faults } = check(t, {
    'docs/page.md': `${PAGE}[here](#what-it-says-in-short) [there](../README.md#top) \`src/room/\` \`src/room/file.ts\``,
    'README.md':
      '# Top\n[page](docs/page.md#a-page), <https://example.org/none.md>, docs/NAME.md, [x](https://a/b.md)\n',
    'src/room/file.ts':
      '// See docs/page.md, page.md, room/file.ts and file.ts.\nexport const path = "no/such.ts";\n',
  });
  t.same({ code, faults }, { code: 0, faults: [] });
});

t.test('each kind of citation that leads nowhere is a fault, with its place', { skip }, async (t) => {
  const { code, faults } = check(t, {
    'docs/page.md': `${PAGE}\n[a](gone.md)\n[b](#gone)\n\`src/gone/\`\n`,
    'src/file.ts': ['export const one = 1; //', 'room/gone.ts\n/** gone.md, section 6 */\n'].join(' '),
    'start.sh': '# see gone.sh\n',
  });
  t.equal(code, 1, faults.join('; '));
  t.same(faults.toSorted(), [
    'docs/page.md:5: there is no docs/gone.md',
    'docs/page.md:6: docs/page.md has no heading #gone',
    'docs/page.md:7: there is no src/gone',
    'src/file.ts:1: there is no room/gone.ts',
    'src/file.ts:2: there is no gone.md',
    'start.sh:1: there is no gone.sh',
  ]);
});
