import { setTimeout } from 'node:timers/promises';

/** Resolves when the condition holds; it is asked again and again. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('what was waited for did not come');
    await setTimeout(2);
  }
}
