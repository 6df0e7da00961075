/** Figures and lines of the scenarios that run the program. */
import { spawn } from 'node:child_process';
import { say } from './print.js';
import { MIB, median, round } from './figures.js';
import { Site, type ProgramRun } from './program.js';
import type { Figure, Series } from './results.js';
import { whenIdle } from './sampler.js';
import { eraseSizeOf, SOURCES, type Scenario } from './scenario.js';

/** Points of a line of memory against time: what a chart can show. */
const POINTS = 120;

/** MiB of the largest image whose collections are counted: they only go on as they did, and it takes minutes. */
const MOST_COUNTED = 256;

/** Whose memory is drawn against time: the longest of each way in that every machine can make. */
const OVER_TIME = 256;

/**
 * Runs every scenario as often as it says, in turns, and each once more with its collections counted.
 * @param folder - for the chip, the keys and the bundle; they stay there
 */
export async function measurePrograms(
  scenarios: readonly Scenario[],
  folder: string,
): Promise<{ figures: Figure[]; series: Series[] }> {
  const site = new Site(folder);
  const runs = new Map(scenarios.map((scenario) => [scenario, [] as ProgramRun[]]));
  const counted = new Map<Scenario, ProgramRun>();
  const most = Math.max(0, ...scenarios.map(({ repeats }) => repeats));
  for (let turn = 0; turn < most; turn++) {
    for (const [scenario, done] of runs) {
      if (turn < scenario.repeats) done.push(await site.run(scenario));
    }
  }
  for (const [scenario, [first]] of runs) {
    const more = scenario.imageMiB <= MOST_COUNTED || first === undefined;
    counted.set(scenario, more ? await site.run(scenario, true) : first);
  }
  const figures: Figure[] = [];
  const series: Series[] = [];
  for (const [scenario, done] of runs) {
    figures.push(
      ...figuresOf(
        { ...scenario, eraseSize: eraseSizeOf(scenario) },
        done,
        counted.get(scenario) as ProgramRun,
      ),
    );
    series.push(...lineOf(scenario, done));
  }
  series.push(...curves(scenarios, figures));
  figures.push(...sums(scenarios, figures));
  if (site.idle !== null)
    figures.push(anonymous('idle', site.idle.anon), anonymous('node', await emptyNode()));
  say(`${scenarios.length} scenarios of the program measured`);
  return { figures, series };
}

/** Over all scenarios: the most memory, and how much more the largest image takes than the smallest. */
function sums(scenarios: readonly Scenario[], figures: readonly Figure[]): Figure[] {
  const anon = (name: string): number | null => {
    const found = figures.find(({ subject, metric }) => subject === name && metric === 'anonAboveIdleMiB');
    return found === undefined ? null : median(found.values);
  };
  const row = (subject: string, metric: string, value: number): Figure => ({
    subject,
    metric,
    unit: 'MiB',
    better: 'less',
    kind: 'noisy',
    values: [round(value, 3)],
  });
  const growth = SOURCES.flatMap((source): Figure[] => {
    const [least, most] = [anon(`curve-${source}-1`), anon(`curve-${source}-1024`)];
    return least === null || most === null ? [] : [row(`growth-${source}`, 'anonMiB', most - least)];
  });
  const all = scenarios.map(({ name }) => anon(name)).filter((value) => value !== null);
  return all.length === 0 ? [] : [row('most', 'anonAboveIdleMiB', Math.max(...all)), ...growth];
}

const anonymous = (subject: string, bytes: number): Figure => ({
  subject,
  metric: 'anonMiB',
  unit: 'MiB',
  better: 'less',
  kind: 'noisy',
  values: [round(bytes / MIB, 3)],
});

/** Anonymous bytes of a Node that waits for nothing. */
async function emptyNode(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1e6)'], { stdio: 'ignore' });
  try {
    return (await whenIdle(child.pid as number)).anon;
  } finally {
    child.kill();
  }
}

export function figuresOf(
  scenario: Pick<Scenario, 'name' | 'imageMiB'> & { eraseSize: number },
  runs: readonly ProgramRun[],
  counted: ProgramRun,
): Figure[] {
  const { imageMiB, name: subject, eraseSize } = scenario;
  const noisy = (
    metric: string,
    unit: string,
    of: (run: ProgramRun) => number,
    { better = 'less', from = runs }: { better?: 'less' | 'more'; from?: readonly ProgramRun[] } = {},
  ): Figure => ({
    subject,
    metric,
    unit,
    better,
    kind: 'noisy',
    values: from.map((run) => round(of(run), 4)),
  });
  const exact = (metric: string, unit: string, value: number): Figure => ({
    subject,
    metric,
    unit,
    better: 'less',
    kind: 'exact',
    values: [value],
  });
  const [rofs] = Object.values(counted.receipt.partitions);
  const collections = counted.collections;
  const recorded = { from: [counted] };
  return [
    noisy('wallSeconds', 's', ({ wallSeconds }) => wallSeconds),
    noisy('throughput', 'MiB/s', ({ wallSeconds }) => imageMiB / wallSeconds, { better: 'more' }),
    noisy('cpuSecondsPerMiB', 's/MiB', ({ cpuSeconds }) => cpuSeconds / imageMiB),
    noisy('peakRssMiB', 'MiB', ({ peak }) => peak.rss / MIB),
    noisy('rssAboveIdleMiB', 'MiB', ({ peak, idle }) => (peak.rss - idle.rss) / MIB),
    noisy('anonMiB', 'MiB', ({ peak }) => peak.anon / MIB),
    noisy('anonAboveIdleMiB', 'MiB', ({ peak, idle }) => (peak.anon - idle.anon) / MIB),
    exact('blocksErased', 'blocks', rofs?.erased ?? 0),
    exact('programmed', 'images', round(((rofs?.programmed ?? 0) * eraseSize) / (imageMiB * MIB), 4)),
    noisy('flashSeconds', 's', ({ receipt }) => receipt.times.flash),
    exact('journalRecords', 'records', counted.receipt.session.journal?.writes ?? 0),
    ...(collections === null
      ? []
      : [
          noisy('collectionsMinor', 'count', () => collections.minor, recorded),
          noisy('collectionsMajor', 'count', () => collections.major, recorded),
          noisy('longestPauseMs', 'ms', () => collections.longest, recorded),
          noisy('pausesShare', 'ratio', () => collections.total / 1000 / counted.wallSeconds, recorded),
        ]),
  ];
}

/** Memory against time, of the first run. */
function lineOf({ name, source, imageMiB }: Scenario, [first]: readonly ProgramRun[]): Series[] {
  if (!name.startsWith('curve-') || imageMiB !== OVER_TIME || first === undefined) return [];
  const step = Math.max(1, Math.ceil(first.line.length / POINTS));
  const points: (readonly [number, number])[] = [];
  for (let at = 0; at < first.line.length; at += step) {
    // The highest of what a point stands for, or a peak would be lost.
    const part = first.line.slice(at, at + step);
    const seconds = part[0]?.[0] ?? 0;
    const anon = Math.max(...part.map(([, bytes]) => bytes));
    points.push([round(seconds, 3), round((anon - first.idle.anon) / MIB, 3)]);
  }
  return [{ chart: 'memory-by-time', name: source, points }];
}

function curves(scenarios: readonly Scenario[], figures: readonly Figure[]): Series[] {
  const value = (subject: string, metric: string): number =>
    median(figures.find((each) => each.subject === subject && each.metric === metric)?.values ?? []);
  const lines = new Map<string, { chart: string; name: string; points: [number, number][] }>();
  const point = (chart: string, name: string, x: number, y: number): void => {
    const line = lines.get(`${chart} ${name}`) ?? { chart, name, points: [] };
    lines.set(`${chart} ${name}`, line);
    line.points.push([x, y]);
  };
  for (const scenario of scenarios) {
    const { name, source, imageMiB } = scenario;
    if (name.startsWith('curve-')) {
      point('memory-by-size', source, imageMiB, value(name, 'anonAboveIdleMiB'));
    }
    if (name.startsWith('block-')) {
      point('throughput-by-block', source, eraseSizeOf(scenario) / 1024, value(name, 'throughput'));
    }
  }
  return [...lines.values()];
}
