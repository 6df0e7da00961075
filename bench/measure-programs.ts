/** Measurements and chart lines of the scenarios that run the program. */
import { spawn } from 'node:child_process';
import { say } from './print.js';
import { MIB, median, round } from './figures.js';
import { Site, type ProgramRun } from './program.js';
import { exact, noisy, type Figure, type Series } from './results.js';
import { whenIdle } from './sampler.js';
import { eraseSizeOf, SOURCES, type Scenario } from './scenario.js';

/** Points of a line of memory against time; a chart cannot show more. */
const POINTS = 120;

/** Largest image, in MiB, whose collections are counted: a larger one takes minutes and gives the same result. */
const MAX_COUNTED_MIB = 256;

/** Scenarios drawn as memory against time: the longest of each source that every machine can run. */
const OVER_TIME = 256;

/**
 * Runs every scenario its number of times, in turns, and once more with its collections counted.
 * @param folder - for the chip, the keys and the bundle; they are not removed
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
    const more = scenario.imageMiB <= MAX_COUNTED_MIB || first === undefined;
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
    figures.push(
      noisy('idle', 'anonMiB', 'MiB', [site.idle.anon / MIB]),
      noisy('node', 'anonMiB', 'MiB', [await emptyNode()]),
    );
  say(`${scenarios.length} scenarios of the program measured`);
  return { figures, series };
}

/** Over all scenarios: peak memory, and the difference between the largest and the smallest image. */
function sums(scenarios: readonly Scenario[], figures: readonly Figure[]): Figure[] {
  const anon = (name: string): number | null => {
    const found = figures.find(({ subject, metric }) => subject === name && metric === 'anonAboveIdleMiB');
    return found === undefined ? null : median(found.values);
  };
  const growth = SOURCES.flatMap((source): Figure[] => {
    const [least, most] = [anon(`curve-${source}-1`), anon(`curve-${source}-1024`)];
    return least === null || most === null
      ? []
      : [noisy(`growth-${source}`, 'anonMiB', 'MiB', [most - least])];
  });
  const all = scenarios.map(({ name }) => anon(name)).filter((value) => value !== null);
  return all.length === 0 ? [] : [noisy('most', 'anonAboveIdleMiB', 'MiB', [Math.max(...all)]), ...growth];
}

/** Anonymous memory of an idle Node, in MiB. */
async function emptyNode(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1e6)'], { stdio: 'ignore' });
  try {
    return (await whenIdle(child.pid as number)).anon / MIB;
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
  const each = (
    metric: string,
    unit: string,
    of: (run: ProgramRun) => number,
    better: Figure['better'] = 'less',
  ): Figure => noisy(subject, metric, unit, runs.map(of), better);
  const [rofs] = Object.values(counted.receipt.partitions);
  const collections = counted.collections;
  return [
    each('wallSeconds', 's', ({ wallSeconds }) => wallSeconds),
    each('throughput', 'MiB/s', ({ wallSeconds }) => imageMiB / wallSeconds, 'more'),
    each('cpuSecondsPerMiB', 's/MiB', ({ cpuSeconds }) => cpuSeconds / imageMiB),
    each('peakRssMiB', 'MiB', ({ peak }) => peak.rss / MIB),
    each('rssAboveIdleMiB', 'MiB', ({ peak, idle }) => (peak.rss - idle.rss) / MIB),
    each('anonMiB', 'MiB', ({ peak }) => peak.anon / MIB),
    each('anonAboveIdleMiB', 'MiB', ({ peak, idle }) => (peak.anon - idle.anon) / MIB),
    exact(subject, 'blocksErased', 'blocks', rofs?.erased ?? 0),
    exact(subject, 'programmed', 'images', ((rofs?.programmed ?? 0) * eraseSize) / (imageMiB * MIB)),
    each('flashSeconds', 's', ({ receipt }) => receipt.times.flash),
    exact(subject, 'journalRecords', 'records', counted.receipt.session.journal?.writes ?? 0),
    ...(collections === null
      ? []
      : [
          noisy(subject, 'collectionsMinor', 'count', [collections.minor]),
          noisy(subject, 'collectionsMajor', 'count', [collections.major]),
          noisy(subject, 'longestPauseMs', 'ms', [collections.longest]),
          noisy(subject, 'pausesShare', 'ratio', [collections.total / 1000 / counted.wallSeconds]),
        ]),
  ];
}

/** Memory against time, of the first run. */
function lineOf({ name, source, imageMiB }: Scenario, [first]: readonly ProgramRun[]): Series[] {
  if (!name.startsWith('curve-') || imageMiB !== OVER_TIME || first === undefined) return [];
  const step = Math.max(1, Math.ceil(first.line.length / POINTS));
  const points: (readonly [number, number])[] = [];
  for (let at = 0; at < first.line.length; at += step) {
    // The maximum of the samples of a point, so that no peak is lost.
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
