/**
 * Checks of JSON that comes from outside: every mistake is noted with its place and the reading goes on, so
 * that the reader of the message can mend them all at once.
 *
 * @packageDocumentation
 */
import { SluiceError, type ErrorCode } from './errors.js';

/** More than this is noise to the reader; the rest is counted. */
const SHOWN = 20;

/** Collects mistakes. Each reader returns a harmless value of the right type where it notes one. */
export class JsonChecker {
  readonly #mistakes: string[] = [];

  /** The mistakes so far. */
  get mistakes(): readonly string[] {
    return this.#mistakes;
  }

  /** Notes one mistake. */
  report(place: string, what: string): void {
    this.#mistakes.push(`${place} ${what}`);
  }

  /** The fields of an object: the required ones, perhaps the optional ones, and no others. */
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
        this.report(`${place}.${name.slice(0, 40)}`, 'is not known');
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

  /** A string that matches `pattern`, which is called `what` in the message. */
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

  /** A list of at most `most` things. */
  list(value: unknown, place: string, most: number): readonly unknown[] {
    if (Array.isArray(value) && value.length <= most) return value as unknown[];
    if (value !== undefined) this.report(place, `must be a list of at most ${most}`);
    return [];
  }

  /**
   * Ends the check.
   * @throws SluiceError `code` when there are mistakes; the message names them
   */
  finish(code: ErrorCode, what: string): void {
    if (this.#mistakes.length === 0) return;
    const more = this.#mistakes.length - SHOWN;
    const shown = this.#mistakes.slice(0, SHOWN).join('; ');
    throw new SluiceError(code, `${what}: ${shown}${more > 0 ? `; and ${more} more` : ''}`);
  }
}
