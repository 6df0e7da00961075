import type { PartitionState, JobState } from '../../../service/service-state.js';
import { CELLS, ChipMap, columnsOf, drawCell } from './chip-map.js';
import { at, make, setText } from './dom.js';
import type { Change, Store } from './store.js';
import { clock, count, size } from './words.js';

/** Size of a cell with its gap. */
const MIN_CELL_PX = 5;
const MAX_CELL_PX = 12;

/** Height of the map of the largest partition, so that it can be scrolled past on a phone. */
const MAX_MAP_HEIGHT_PX = 260;

/** Whether a partition contains others, as that of the whole chip does. */
export const covers = (partition: PartitionState, all: readonly PartitionState[]): boolean =>
  all.some(
    (other) =>
      other !== partition &&
      other.offset >= partition.offset &&
      other.offset + other.size <= partition.offset + partition.size &&
      other.size < partition.size,
  );

interface Row {
  readonly element: HTMLElement;
  readonly installed: HTMLElement;
  readonly progress: HTMLElement;
  readonly map: ChipMap;
  readonly partition: PartitionState;
}

/** The partitions, with their content and erase blocks. */
export class Partitions {
  readonly #store: Store;
  #rows = new Map<string, Row>();

  constructor(store: Store) {
    this.#store = store;
    store.listen((change) => this.#on(change));
    new ResizeObserver(() => this.layOut()).observe(at('partitions'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.layOut());
  }

  /** Marks the blocks that will change according to a check. */
  preview(changed: Readonly<Record<string, readonly number[]>>): void {
    for (const [name, { map }] of this.#rows) {
      map.clear();
      for (const block of own(changed, name) ?? []) map.put(block, 'c');
    }
  }

  layOut(): void {
    const width = at('partitions').clientWidth;
    if (width === 0) return;
    const most = Math.max(1, ...[...this.#rows.values()].map(({ map }) => map.blocks));
    const pitch = bestPitch(width, Math.floor(Math.sqrt((width * MAX_MAP_HEIGHT_PX) / most)));
    for (const { map } of this.#rows.values()) map.layOut(width, pitch);
    drawLegend();
  }

  #on(change: Change): void {
    const { state } = this.#store;
    if (state === null) return;
    switch (change.kind) {
      case 'state':
        this.#build(state.flash.partitions, state.map);
        return this.#showProgress(state.job);
      case 'begin':
        for (const { map } of this.#rows.values()) map.clear();
        return this.#showProgress(state.job);
      case 'partitions':
        for (const partition of state.flash.partitions) this.#describe(partition);
        return;
      case 'blocks':
        for (const [name, { from, blocks }] of Object.entries(change.blocks)) this.#draw(name, from, blocks);
        return;
      case 'end':
      case 'progress':
        return this.#showProgress(state.job);
      default:
    }
  }

  #draw(name: string, from: number, blocks: string): void {
    const row = this.#rows.get(name);
    if (row === undefined) return;
    row.map.put(from, blocks);
    // The row of the whole chip is shown if it is written as one.
    row.element.hidden = false;
  }

  #build(partitions: readonly PartitionState[], map: Readonly<Record<string, string>>): void {
    const sorted = [...partitions].sort((a, b) => a.offset - b.offset);
    this.#rows = new Map(sorted.map((partition) => [partition.name, makeRow(partition)]));
    at('partitions').replaceChildren(...[...this.#rows.values()].map(({ element }) => element));
    for (const partition of partitions) {
      this.#describe(partition);
      const row = this.#rows.get(partition.name);
      if (row !== undefined && covers(partition, partitions)) row.element.hidden = true;
    }
    for (const [name, letters] of Object.entries(map)) this.#draw(name, 0, letters);
    const wide = sorted.filter((partition) => covers(partition, partitions));
    setText(
      at('whole'),
      wide
        .map(({ name, size: bytes }) => `${name} contains these partitions: ${size(bytes)} in total.`)
        .join(' '),
    );
    this.layOut();
  }

  #describe({ name, installed }: PartitionState): void {
    const row = this.#rows.get(name);
    if (row === undefined) return;
    if (installed === null) {
      row.installed.replaceChildren(make('span', { class: 'quiet' }, 'Content unknown'));
      return;
    }
    const { version, sha256, bytes } = installed;
    row.installed.replaceChildren(
      make('strong', {}, version ?? 'no version'),
      make('span', { class: 'quiet' }, size(bytes)),
      ...(sha256 === null ? [] : [make('code', { title: `sha256:${sha256}` }, `sha256:${sha256}`)]),
    );
  }

  #showProgress(job: JobState | null): void {
    for (const [name, { progress, partition }] of this.#rows) {
      const mine = job === null ? undefined : own(job.partitions, name);
      if (job === null || mine === undefined || mine.blocks === 0) {
        setText(progress, '');
        continue;
      }
      const { blocks, done } = mine;
      const left = ((blocks - done) * partition.eraseSize) / job.rate;
      const time = done < blocks && Number.isFinite(left) ? `, ${clock(left)} left` : '';
      setText(progress, `${done} of ${count(blocks, 'block')}${time}`);
    }
  }
}

/** The entry of a partition, whose name may be that of an inherited property, such as `constructor`. */
const own = <T>(rows: Readonly<Record<string, T>>, partition: string): T | undefined =>
  Object.hasOwn(rows, partition) ? rows[partition] : undefined;

/** The pitch, at or just below the wanted one, whose columns fill the width best. */
function bestPitch(width: number, wanted: number): number {
  const top = Math.min(MAX_CELL_PX, Math.max(MIN_CELL_PX, wanted));
  const filled = (pitch: number): number => columnsOf(width, pitch) * pitch;
  return [top, top - 1, top - 2]
    .filter((pitch) => pitch >= MIN_CELL_PX)
    .reduce((best, pitch) => (filled(pitch) > filled(best) ? pitch : best));
}

function makeRow(partition: PartitionState): Row {
  const { name, size: bytes, eraseSize } = partition;
  const map = new ChipMap(name, bytes / eraseSize);
  const installed = make('p', { class: 'installed' });
  const progress = make('span', { class: 'progress' });
  const element = make(
    'article',
    { 'aria-label': name, 'data-partition': name },
    make(
      'div',
      { class: 'row' },
      make('h3', {}, name),
      make('span', { class: 'quiet' }, `${size(bytes)}, ${count(bytes / eraseSize, 'block')}`),
      progress,
    ),
    installed,
    map.canvas,
  );
  map.canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
    map.canvas.title = map.describe(offsetX, offsetY) ?? '';
  });
  return { element, installed, progress, map, partition };
}

function drawLegend(): void {
  const side = 12;
  const ratio = window.devicePixelRatio;
  const style = getComputedStyle(document.documentElement);
  const items = CELLS.map((cell) => {
    const canvas = make('canvas', {
      'aria-hidden': 'true',
      width: String(side * ratio),
      height: String(side * ratio),
    });
    const context = canvas.getContext('2d');
    if (context !== null)
      drawCell(context, cell, style.getPropertyValue(cell.colour).trim(), 0, 0, Math.round(10 * ratio));
    return make('li', {}, canvas, cell.meaning);
  });
  at('legend').replaceChildren(...items);
}
