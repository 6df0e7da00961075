/**
 * Checks JSON from outside. Each mistake is recorded with its place and the check continues, so that one message lists
 * all of them.
 *
 * @packageDocumentation
 */
import { SluiceError, type ErrorCode } from './errors.js';

/** Mistakes that a message lists; the rest is counted. */
const MAX_SHOWN = 20;

/** Collects mistakes. After a mistake each method returns a harmless value of the right type. */
export class JsonChecker {
  readonly #mistakes: string[] = [];

  /** The mistakes so far. */
  get mistakes(): readonly string[] {
    return this.#mistakes;
  }

  report(place: string, what: string): void {
    this.#mistakes.push(`${place} ${what}`);
  }

  /** The fields of an object, which must have the required ones and can have the optional ones, and no others. */
  fields(
    value: unknown,
    place: string,
    required: readonly string[],
    optional: readonly string[] = [],
  ): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.report(place, 'must be an object');
      return {};
    }
    const names = Object.keys(value);
    for (const name of required) if (!names.includes(name)) this.report(`${place}.${name}`, 'is missing');
    for (const name of names) {
      if (!required.includes(name) && !optional.includes(name)) {
        this.report(`${place}.${name.slice(0, 40)}`, 'is unknown');
      }
    }
    return value as Record<string, unknown>;
  }

  /** A whole number from `least` to `most`. */
  integer(value: unknown, place: string, least: number, most: number): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) {
      return value;
    }
    if (value !== undefined) this.report(place, `must be a whole number from ${least} to ${most}`);
    return least;
  }

  /** A finite number from `least` to `most`. */
  number(value: unknown, place: string, least: number, most: number): number {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    if (value !== undefined) this.report(place, `must be a number from ${least} to ${most}`);
    return least;
  }

  /** A string that matches `pattern`; `what` describes the pattern in the message. */
  text(value: unknown, place: string, pattern: RegExp, what: string): string {
    if (typeof value === 'string' && pattern.test(value)) return value;
    if (value !== undefined) this.report(place, `must be ${what}`);
    return '';
  }

  /** One of a few words. */
  oneOf<T extends string>(value: unknown, place: string, words: readonly [T, ...T[]]): T {
    const found = words.find((word) => word === value);
    if (found === undefined && value !== undefined) this.report(place, `must be one of ${words.join(', ')}`);
    return found ?? words[0];
  }

  /** A list of at most `most` items. */
  list(value: unknown, place: string, most: number): readonly unknown[] {
    if (Array.isArray(value) && value.length <= most) return value as unknown[];
    if (value !== undefined) this.report(place, `must be a list of at most ${most} items`);
    return [];
  }

  /**
   * Ends the check.
   * @throws SluiceError `code` if there are mistakes; the message lists them
   */
  finish(code: ErrorCode, what: string): void {
    if (this.#mistakes.length === 0) return;
    const more = this.#mistakes.length - MAX_SHOWN;
    const shown = this.#mistakes.slice(0, MAX_SHOWN).join('; ');
    throw new SluiceError(code, `${what}: ${shown}${more > 0 ? `; and ${more} more` : ''}`);
  }
}
