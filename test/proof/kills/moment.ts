import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from './random.js';
import type { Site } from './site.js';
import { journalPath } from './verdict.js';

/** Milliseconds between two looks. */
const STEP = 3;

/** How long things took lately, so that random times fall where something happens, however slow the machine is now. */
export class Pace {
  /** Milliseconds of a whole run, and of its part that changes the flash. */
  #run: number;
  #flash: number;

  constructor(run: number, flash: number) {
    this.#run = run;
    this.#flash = flash;
  }

  note(run: number, flash: number): void {
    this.#run = this.#run * 0.7 + run * 0.3;
    this.#flash = this.#flash * 0.7 + flash * 0.3;
  }

  /**
   * Waits for a random moment: in a fifth of all cases any of the run, else from when it is about to change the flash
   * until a little after it has ended.
   * @param over - when the run has ended
   */
  async wait(dice: Dice, site: Site, over: { readonly over: boolean }): Promise<void> {
    const share = dice.share();
    if (dice.below(5) === 0) return until(this.#run * share * 1.05, over);
    const written = statSync(site.chip).mtimeMs;
    const had = journalPath(site) !== null;
    for (let left = 20_000; left > 0 && !over.over; left -= STEP) {
      const begun = statSync(site.chip).mtimeMs !== written || (!had && safeJournal(site));
      if (begun) break;
      await sleep(STEP);
    }
    return until(this.#flash * share * 1.1, over);
  }
}

/** Waits, but not for what is over. */
async function until(ms: number, over: { readonly over: boolean }): Promise<void> {
  const end = performance.now() + ms;
  while (!over.over && performance.now() < end)
    await sleep(Math.min(STEP, Math.max(0, end - performance.now())));
}

/** The folder may change under the look. */
function safeJournal(site: Site): boolean {
  try {
    const path = journalPath(site);
    return path !== null && existsSync(path);
  } catch {
    return false;
  }
}
