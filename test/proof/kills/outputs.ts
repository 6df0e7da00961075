/** Standard output and standard error that are full, closed, or read by nobody. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { OLD } from '../../system/board.js';
import { kernelOf, writeArgs } from './finish.js';
import { Program, sluice, type RunOptions } from './program.js';
import { push, PUSH_KERNEL, Service } from './serve-kills.js';
import { Site, withImages } from './site.js';
import type { Context, Tally } from './tally.js';
import { auditReceipts, leftovers } from './verdict.js';

interface Case {
  readonly name: string;
  readonly options: RunOptions;
  readonly json: boolean;
  /** Nobody reads the pipes. */
  readonly unread?: boolean;
  readonly codes: readonly number[];
}

/** 2: who asked for JSON must not take silence for success; the flash is written all the same. */
const CASES: readonly Case[] = [
  { name: 'JSON to a full disk', options: { stdout: '/dev/full' }, json: true, codes: [2] },
  { name: 'text to a full disk', options: { stdout: '/dev/full' }, json: false, codes: [0] },
  { name: 'errors to a full disk', options: { stderr: '/dev/full' }, json: false, codes: [0] },
  {
    name: 'all to a full disk',
    options: { stdout: '/dev/full', stderr: '/dev/full' },
    json: false,
    codes: [0],
  },
  { name: 'standard output closed', options: { stdout: '&-' }, json: false, codes: [0] },
  { name: 'standard error closed', options: { stderr: '&-' }, json: true, codes: [0] },
  { name: 'both closed', options: { stdout: '&-', stderr: '&-' }, json: true, codes: [0, 2] },
  { name: 'nobody reads', options: {}, json: true, unread: true, codes: [0] },
  { name: 'nobody reads the text', options: {}, json: false, unread: true, codes: [0] },
];

export async function outputs({ dir }: Context, tally: Tally): Promise<void> {
  const site = new Site(dir, 0);
  const wanted = kernelOf(site);
  const after = withImages(OLD, wanted.bundle, wanted.only);
  for (const { name, options, json, unread = false, codes } of CASES) {
    site.reset(OLD);
    const faults: string[] = [];
    const args = writeArgs(site, wanted).filter((word) => json || word !== '--json');
    const program = new Program(args, options);
    if (unread) program.closePipes();
    const { code, signal } = await program.ended;
    if (!codes.includes(code ?? -1)) faults.push(`it ended with ${code ?? signal}`);
    if (!site.bytes().equals(after)) faults.push('the chip is not right');
    if (auditReceipts(site).at(-1)?.outcome !== 'committed') faults.push('the audit log lacks the receipt');
    tally.judge(name, [...faults, ...leftovers(site)]);
  }
  for (const { name, options, unread = false } of CASES.filter(({ json }) => !json)) {
    site.reset(OLD);
    tally.judge(`the service, ${name}`, await served(site, options, unread, after));
  }
  site.remove();
}

/** A service whose log cannot be written goes on serving. */
async function served(site: Site, options: RunOptions, unread: boolean, after: Buffer): Promise<string[]> {
  const faults: string[] = [];
  const service = await Service.make(site, 'unix');
  const program = service.launch(options);
  if (unread) program.closePipes();
  for (let left = 600; (await sluice(['status', service.url, '--json'])).code !== 0; left--) {
    if (left === 0 || program.over) return ['it does not start'];
    await sleep(50);
  }
  // A sender that is refused is told of in the log.
  await sluice(['push', service.url, site.keys, '--quiet']);
  execFileSync('sh', [
    '-c',
    'curl -s --max-time 5 --unix-socket "$1" -T /dev/null http://x/v1/update || :',
    'sh',
    service.url.slice(5),
  ]);
  const ended = await push(service, site, PUSH_KERNEL).ended;
  if (ended.code !== 0) faults.push(`the push ended with ${ended.code}: ${ended.stderr}`);
  if (!site.bytes().equals(after)) faults.push('the chip is not right');
  program.kill('SIGTERM');
  const { code, signal } = await program.ended;
  if (code !== 0) faults.push(`the service ended with ${code ?? signal}`);
  return [...faults, ...leftovers(site)];
}
