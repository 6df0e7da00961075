/** What the program is held to, and the charts that show it. */
import type { Chart, Mark } from './results.js';

/** MiB that an update may take above the idle program, anonymous: what a board has to have. */
const ANON = 4;

/** MiB that a thousand times as many bytes may take more: what collections that come later or sooner leave. */
const FLAT = 1;

export const MARKS: readonly Mark[] = [
  {
    what: 'A full write to n25q256a, by what its erases and programs take',
    subject: 'timed-nor-100-together',
    metric: 'overFloor',
    most: 1.02,
  },
  {
    what: '5 % changed on n25q256a, by the floor and one reading of the partition',
    subject: 'timed-nor-5-scattered',
    metric: 'overFloorAndReading',
    most: 1.05,
  },
  {
    what: 'A full write to n25q256a over a link of 1 MiB/s, by the longer of the two',
    subject: 'link-nor-100',
    metric: 'overFloor',
    most: 1.03,
  },
  {
    what: 'The same on w25n01gv, NAND',
    subject: 'link-nand-100',
    metric: 'overFloor',
    most: 1.03,
  },
  {
    what: 'The same on n25q256a with 5 % changed here and there',
    subject: 'link-nor-5-scattered',
    metric: 'overFloor',
    most: 1.03,
  },
  {
    what: 'CPU time of a full write to a chip without timing, by openssl dgst -sha256',
    subject: 'bare-write',
    metric: 'cpuTimesOpenssl',
    most: 1.5,
  },
  {
    what: 'Start of sluice write with a small bundle, by node -e 0',
    subject: 'start-write',
    metric: 'timesNode',
    most: 2.5,
  },
  {
    what: 'Anonymous memory above idle, the most of all scenarios, MiB',
    subject: 'most',
    metric: 'anonAboveIdleMiB',
    most: ANON,
  },
  ...(['file', 'pipe', 'push', 'pull'] as const).map((source): Mark => ({
    what: `Anonymous memory by ${source}: what an image of 1 GiB takes more than one of 1 MiB, MiB`,
    subject: `growth-${source}`,
    metric: 'anonMiB',
    most: FLAT,
  })),
];

export const CHARTS: readonly Chart[] = [
  {
    id: 'memory-by-size',
    title: 'Anonymous memory above idle, against the size of the image',
    x: { label: 'image, MiB', scale: 'log' },
    y: { label: 'MiB' },
    limit: { value: ANON, label: 'mark' },
  },
  {
    id: 'memory-by-time',
    title: 'Anonymous memory above idle, while 256 MiB come',
    x: { label: 'seconds', scale: 'linear' },
    y: { label: 'MiB' },
    limit: { value: ANON, label: 'mark' },
  },
  {
    id: 'time-by-change',
    title: 'Time of an update of 32 MiB against the share of it that changed',
    x: { label: '% of the erase blocks', scale: 'linear' },
    y: { label: 'seconds of the chip' },
  },
  {
    id: 'throughput-by-block',
    title: 'Throughput against the size of an erase block, a chip without timing',
    x: { label: 'KiB', scale: 'log' },
    y: { label: 'MiB/s' },
  },
];
