/** What must hold when the power has gone away, and at the end; each check says in words what does not. */
import { erased, quickPlatform, same } from '../../kit/update-kit.js';
import { openChip, type Remains, type Run } from './board.js';
import type { Scenario, Update } from './scenario.js';
import { sameBlock, View } from './view.js';

/** Readings of the finished chip: bits that keep still for a while show, too. */
const READINGS = 3;

/** What is wrong after a session of `update` that has not committed: a cut, or it was abandoned. It found `start`. */
export function* uncommitted(
  scenario: Scenario,
  update: Update,
  start: Remains,
  run: Run,
  cuts: number,
): Generator<string> {
  const { left, receipt, error } = run;
  const abandoned = update.ending === 'abandoned';
  if (error === null && !(run.cut && !abandoned && receipt.outcome === 'committed'))
    yield 'the session did not notice the cut';
  const codes = run.cut ? ['ERR_FLASH_POWER_CUT', 'ERR_SESSION_JOURNAL'] : [];
  if (abandoned) codes.push('ERR_SESSION_INTERRUPTED');
  if (error !== null && !codes.includes(error.code)) yield `it ended in ${error.code}: ${error.message}`;
  if (receipt.outcome === 'committed' || receipt.flash === 'complete') {
    for (const [name, image] of update.wanted) {
      if (!new View(scenario, left, name).holds(image, 0, true)) yield `${name} is called complete`;
    }
  }
  if (receipt.flash === 'untouched') {
    const touched = !same(left.bytes, start.bytes) || left.chip.torn.length > start.chip.torn.length;
    if (touched) yield 'flash is called untouched';
  }
  for (const [name, image] of update.wanted) {
    const wrong = gateFault(scenario, update, name, image, start, left);
    if (wrong !== null) yield `${name}: ${wrong}`;
  }
  yield* elsewhere(scenario, update, start, left);
  yield* strangers(scenario, left, cuts);
}

/** The gate is shut, or what is behind it is complete and right; under before-erase the old head may stand. */
function gateFault(
  scenario: Scenario,
  { gated, ending }: Update,
  name: string,
  image: Uint8Array,
  start: Remains,
  left: Remains,
): string | null {
  const [was, now] = [new View(scenario, start, name), new View(scenario, left, name)];
  const first = was.good[0] as number;
  if (ending === 'abandoned') {
    const head = image.subarray(0, scenario.eraseSize);
    if (same(now.block(0), head) && !same(was.block(0), head)) return 'its gate is open without a commit';
  } else if (now.holds(image, 1, true)) return null;
  const sameHead = sameBlock(start, left, first, scenario.eraseSize) && now.isTorn(0) === was.isTorn(0);
  if (!gated) return sameHead ? null : 'its old head is gone, and not all of it is there';
  const untouched = was.good.every(
    (block, index) =>
      index === 0 ||
      (sameBlock(start, left, block, scenario.eraseSize) && was.isTorn(index) === now.isTorn(index)),
  );
  if (untouched) return null;
  if (erased(now.block(0)) && !now.isTorn(0)) return null;
  return 'its gate is open, and not all of it is there';
}

/** What is of no image must be as it was: other partitions, and what lies behind an image. */
function* elsewhere(scenario: Scenario, update: Update, start: Remains, left: Remains): Generator<string> {
  const { eraseSize, layout } = scenario;
  for (const { name, offset, size } of layout.partitions) {
    if (name === 'bmc') continue;
    const image = update.wanted.get(name);
    const was = new View(scenario, start, name);
    const bad = was.count - new View(scenario, left, name).count;
    // Blocks that have gone bad move the image up.
    const used = image === undefined ? 0 : image.length / eraseSize + bad + worn(scenario);
    const kept = image === undefined ? allBlocks(offset, size, eraseSize) : was.good.slice(used);
    for (const block of kept) {
      if (!sameBlock(start, left, block, eraseSize))
        yield `block ${block}, in ${name}, is no one's and was changed`;
    }
  }
}

/** Blocks that may go bad in a run and are not marked yet. */
function worn({ type, faults = [] }: Scenario): number {
  return type === 'nand' ? faults.length : 0;
}

function allBlocks(offset: number, size: number, eraseSize: number): number[] {
  return Array.from({ length: size / eraseSize }, (_, index) => offset / eraseSize + index);
}

/** Only blocks that a cut may have left half done hold what is in no image and was not there before. */
function* strangers(scenario: Scenario, left: Remains, cuts: number): Generator<string> {
  const { eraseSize } = scenario;
  const known = knownBlocks(scenario);
  let strange = 0;
  for (const { name } of scenario.layout.partitions) {
    if (name === 'bmc') continue;
    const view = new View(scenario, left, name);
    for (let index = 0; index < view.count; index++) {
      if (!known.has(quickPlatform.fingerprint(view.block(index)))) strange++;
    }
  }
  const most = cuts + (scenario.faults?.length ?? 0);
  if (strange > most)
    yield `${strange} blocks of ${eraseSize} hold neither old nor new content nor are erased`;
}

const known = new WeakMap<Scenario, Set<bigint>>();

function knownBlocks(scenario: Scenario): Set<bigint> {
  const found = known.get(scenario) ?? new Set<bigint>();
  if (found.size > 0) return found;
  const { eraseSize, content, first, after } = scenario;
  const images = [content, ...[first, ...after].flatMap(({ wanted }) => [...wanted.values()])];
  for (const image of images) {
    for (let at = 0; at < image.length; at += eraseSize)
      found.add(quickPlatform.fingerprint(image.subarray(at, at + eraseSize)));
  }
  found.add(quickPlatform.fingerprint(new Uint8Array(eraseSize).fill(0xff)));
  known.set(scenario, found);
  return found;
}

/** What is wrong at the end, when every update behind the cut was run; `clean` is where the first one was not cut. */
export async function atTheEnd(scenario: Scenario, clean: Remains, last: Run): Promise<string[]> {
  const wrong: string[] = [];
  const { left } = last;
  const { eraseSize, after } = scenario;
  const written = new Map(after.flatMap(({ wanted }) => [...wanted]));
  const target = openChip(scenario, left);
  const into = new Uint8Array(left.bytes.length);
  for (let i = 0; i < READINGS; i++) await target.chip.read(0, into);
  for (const [name, image] of written) {
    const view = new View(scenario, left, name);
    for (let index = 0; index < image.length / eraseSize; index++) {
      const block = view.good[index] as number;
      if (view.isTorn(index)) wrong.push(`block ${index} of ${name} has unstable bits`);
      if (!same(view.block(index), image.subarray(index * eraseSize, (index + 1) * eraseSize)))
        wrong.push(`block ${index} of ${name} is not that of the image`);
      const at = block * eraseSize;
      if (!same(into.subarray(at, at + eraseSize), view.block(index)))
        wrong.push(`block ${index} of ${name} reads as another`);
    }
  }
  if (scenario.next !== undefined) return wrong;
  // What another bundle has not come to may be told of for longer.
  if (left.record !== null) wrong.push('the journal still has a record');
  wrong.push(...unlike(scenario, clean, left));
  return wrong;
}

/** How the chip differs from that of the clean run. What bad blocks hold is no matter. */
function unlike(scenario: Scenario, clean: Remains, left: Remains): string[] {
  const { eraseSize } = scenario;
  const wrong: string[] = [];
  const bad = left.chip.grownBad.join();
  if (bad !== clean.chip.grownBad.join())
    wrong.push(`the blocks ${bad} are marked bad, not ${clean.chip.grownBad.join()}`);
  const ignored = new Set([...left.chip.grownBad, ...clean.chip.grownBad, ...left.chip.factoryBad]);
  for (let block = 0; block < left.bytes.length / eraseSize; block++) {
    if (ignored.has(block) || sameBlock(clean, left, block, eraseSize)) continue;
    wrong.push(`block ${block} of the chip is not as the clean run left it`);
  }
  for (const { block } of left.chip.torn)
    if (!ignored.has(block)) wrong.push(`block ${block} of the chip is torn`);
  return wrong;
}
