import { Session } from 'node:inspector';

interface FunctionCoverage {
  readonly ranges: readonly {
    readonly startOffset: number;
    readonly endOffset: number;
    readonly count: number;
  }[];
}

/** What V8's inspector answers. */
interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly FunctionCoverage[];
}

/** Which blocks of the source have run, as V8 counts them. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();
  readonly #isOurs: (url: string) => boolean;

  /** @param isOurs - whether the script of this URL is what is to be covered */
  constructor(isOurs: (url: string) => boolean) {
    this.#isOurs = isOurs;
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Blocks that have ever run. */
  get size(): number {
    return this.#seen.size;
  }

  /** The blocks that have run since the last call, and those of them that never had before. */
  take(): { readonly ran: ReadonlySet<string>; readonly fresh: Set<string> } {
    const ran = new Set<string>();
    const { result } = this.#post('Profiler.takePreciseCoverage') as { result: readonly ScriptCoverage[] };
    for (const { url, functions } of result) {
      if (!this.#isOurs(url)) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) ran.add(`${startOffset}-${endOffset}`);
        }
      }
    }
    const fresh = new Set([...ran].filter((block) => !this.#seen.has(block)));
    for (const block of fresh) this.#seen.add(block);
    return { ran, fresh };
  }

  stop(): void {
    this.#post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** The session is in this thread, and answers before it returns. */
  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown = null;
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw new Error(error.message);
      answer = result;
    });
    return answer;
  }
}
