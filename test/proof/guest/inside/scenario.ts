import { appendFileSync } from 'node:fs';

/** A test that runs in the guest; it fails by throwing. */
export interface Scenario {
  readonly name: string;
  readonly body: () => void | Promise<void>;
}

/** One line of the results that go back to the host. */
export interface Result {
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'skip';
  readonly seconds: number;
  /** Why it failed or was skipped. */
  readonly reason?: string;
}

/** Thrown by a scenario that this guest cannot run. */
export class Skipped extends Error {}

/** Runs scenarios one after the other; each result is written as soon as it is there, as the guest may hang. */
export async function runScenarios(
  scenarios: readonly Scenario[],
  report: string,
  tidy: () => void,
): Promise<boolean> {
  let whole = true;
  for (const { name, body } of scenarios) {
    const started = performance.now();
    let failure: unknown = null;
    try {
      await body();
    } catch (error) {
      failure = error;
    }
    try {
      tidy();
    } catch (error) {
      failure ??= error;
    }
    const outcome = failure === null ? 'pass' : failure instanceof Skipped ? 'skip' : 'fail';
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
    const reason = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
    const result: Result = { name, outcome, seconds, ...(failure === null ? {} : { reason }) };
    appendFileSync(report, `${JSON.stringify(result)}\n`);
    if (outcome === 'fail') whole = false;
  }
  return whole;
}
