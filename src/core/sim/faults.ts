/**
 * The fault plan of a simulated chip, as data: what fails, and when.
 *
 * Text form, for the command line (numbers decimal or 0x hex; `[...]` is optional):
 * ```
 * fail:TRIGGER:N[:TIMES]       the N-th such operation and the TIMES - 1 after it fail; TIMES is a number or `ever`
 * weak:BLOCK[:OPERATION[:N]]   short for fail:OPERATION@BLOCK:N:ever; defaults: OPERATION `change`, N 1
 * cut:WHEN:TRIGGER:N[:SEED]    power cut at the N-th such operation: `before` it, at its start (`begun`), during it
 *                              (`torn`), at its end (`ending`), or `after` it
 * stuck:OFFSET:MASK:BIT        the bits of MASK in the byte at OFFSET stay BIT (0 or 1)
 * flip:PAGE:BITS[:TIMES]       NAND: BITS flipped bits in the next TIMES reads of PAGE; default `ever`
 * TRIGGER = OPERATION[@BLOCK]  OPERATION = erase | program | read | change | any
 * ```
 * `change` is an erase or a program, `any` is any of the three. Operations are counted from 1 since the chip was
 * opened. If BLOCK is given, only operations on that block count.
 *
 * JSON form: the `Fault` itself.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';
import { JsonChecker } from '../json-check.js';

/** Which operations count: one kind, `change` (erase or program) or `any`. */
export type FaultOperation = 'erase' | 'program' | 'read' | 'change' | 'any';

/**
 * When an operation is torn. `begun`: the flash reads as before. `ending`: the flash reads as wanted. `torn`: in
 * between. Some bits are unstable in each case.
 */
export type TearMoment = 'begun' | 'torn' | 'ending';

/** When the power is cut: before an operation, during it, or after it. */
export type CutMoment = 'before' | TearMoment | 'after';

export type Times = number | 'ever';

/** Which operation a failure or a power cut hits. */
export interface Trigger {
  readonly on: FaultOperation;
  /** Only operations on this erase block count. */
  readonly block?: number;
  /** The n-th matching operation since the chip was opened, from 1. */
  readonly nth: number;
}

/** Operations that fail and, as on silicon, leave a torn block or page. */
export interface FailFault extends Trigger {
  readonly kind: 'fail';
  readonly times: Times;
}

/** A power cut. Later operations fail with ERR_FLASH_POWER_CUT until the chip is opened again. */
export interface CutFault extends Trigger {
  readonly kind: 'cut';
  readonly when: CutMoment;
  /** Seed of the noise and the unstable bits of a torn operation. */
  readonly seed: number;
}

/** Bits that neither erase nor program can change. */
export interface StuckFault {
  readonly kind: 'stuck';
  readonly offset: number;
  /** Which bits of the byte, 1 to 255. */
  readonly mask: number;
  readonly value: 0 | 1;
}

/** Bit flips in reads of a NAND page. The ECC corrects few and fails at many. */
export interface FlipFault {
  readonly kind: 'flip';
  /** Page from the start of the chip. */
  readonly page: number;
  readonly bits: number;
  /** How many reads of the page have the flips. */
  readonly times: Times;
}

export type Fault = FailFault | CutFault | StuckFault | FlipFault;

const KINDS = ['fail', 'cut', 'stuck', 'flip'] as const;
const OPERATIONS = ['erase', 'program', 'read', 'change', 'any'] as const;
const MOMENTS = ['before', 'begun', 'torn', 'ending', 'after'] as const;
/** Each operation goes through all of them. */
export const MAX_FAULTS = 1024;
/** More than the ECC of any SLC NAND corrects in a page. */
const MAX_FLIPS = 64;
const MAX_COUNT = Number.MAX_SAFE_INTEGER;
const MAX_SEED = 0xffffffff;

/** Reads one fault from parsed JSON and reports its mistakes to `strict`. */
export function readFault(strict: JsonChecker, value: unknown, place: string): Fault {
  const named = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
  const kind = strict.oneOf(named, `${place}.kind`, KINDS);
  switch (kind) {
    case 'fail': {
      const fields = strict.fields(value, place, ['kind', 'on', 'nth', 'times'], ['block']);
      const times = readTimes(strict, fields['times'], place);
      return { kind, ...readTrigger(strict, fields, place), times };
    }
    case 'cut': {
      const fields = strict.fields(value, place, ['kind', 'when', 'on', 'nth', 'seed'], ['block']);
      const when = strict.oneOf(fields['when'], `${place}.when`, MOMENTS);
      const seed = strict.integer(fields['seed'], `${place}.seed`, 0, MAX_SEED);
      return { kind, when, ...readTrigger(strict, fields, place), seed };
    }
    case 'stuck': {
      const fields = strict.fields(value, place, ['kind', 'offset', 'mask', 'value']);
      return {
        kind,
        offset: strict.integer(fields['offset'], `${place}.offset`, 0, MAX_COUNT),
        mask: strict.integer(fields['mask'], `${place}.mask`, 1, 255),
        value: strict.integer(fields['value'], `${place}.value`, 0, 1) === 1 ? 1 : 0,
      };
    }
    case 'flip': {
      const fields = strict.fields(value, place, ['kind', 'page', 'bits', 'times']);
      return {
        kind,
        page: strict.integer(fields['page'], `${place}.page`, 0, MAX_COUNT),
        bits: strict.integer(fields['bits'], `${place}.bits`, 1, MAX_FLIPS),
        times: readTimes(strict, fields['times'], place),
      };
    }
  }
}

function readTrigger(strict: JsonChecker, fields: Readonly<Record<string, unknown>>, place: string): Trigger {
  const on = strict.oneOf(fields['on'], `${place}.on`, OPERATIONS);
  const nth = strict.integer(fields['nth'], `${place}.nth`, 1, MAX_COUNT);
  if (fields['block'] === undefined) return { on, nth };
  return { on, block: strict.integer(fields['block'], `${place}.block`, 0, MAX_COUNT), nth };
}

function readTimes(strict: JsonChecker, value: unknown, place: string): Times {
  return value === 'ever' ? value : strict.integer(value, `${place}.times`, 1, MAX_COUNT);
}

/** Reports to `strict` what in `fault` does not fit a chip of this geometry. */
export function checkFault(strict: JsonChecker, fault: Fault, geometry: Geometry, place: string): void {
  const blocks = geometry.size / geometry.eraseSize;
  if (fault.kind === 'stuck') {
    if (fault.offset >= geometry.size) strict.report(place, `is outside the chip of ${geometry.size} bytes`);
  } else if (fault.kind === 'flip') {
    if (geometry.type !== 'nand') strict.report(place, 'flips bits for an ECC, but only NAND has one');
    else if (fault.page >= geometry.size / geometry.writeSize) strict.report(place, 'is outside the chip');
    if (fault.bits > geometry.writeSize) strict.report(place, 'flips more bits than the page has bytes');
  } else if (fault.block !== undefined && fault.block >= blocks) {
    strict.report(place, `is on block ${fault.block} of a chip of ${blocks} blocks`);
  }
}

/**
 * A fault from its text form.
 * @throws SluiceError ERR_USAGE_OPTION if the text does not follow the grammar above
 */
export function parseFault(text: string): Fault {
  const words = text.split(':');
  const strict = new JsonChecker();
  const value = toJson(words);
  if (value === null)
    strict.report(JSON.stringify(text.slice(0, 80)), 'is not fail, weak, cut, stuck or flip with its fields');
  const fault = value === null ? null : readFault(strict, value, words[0] ?? '');
  strict.finish('ERR_USAGE_OPTION', `fault ${JSON.stringify(text.slice(0, 80))} is malformed`);
  return fault as Fault;
}

/** The JSON form of the words, unchecked; null if the first word or the number of words is wrong. */
function toJson(words: readonly string[]): Record<string, unknown> | null {
  const [kind, a = '', b = '', c = '', d] = words;
  const count = words.length;
  if (kind === 'fail' && (count === 3 || count === 4)) {
    return { kind, ...trigger(a), nth: number(b), times: count === 4 ? times(c) : 1 };
  }
  if (kind === 'weak' && count >= 2 && count <= 4) {
    const on = count > 2 ? b : 'change';
    return { kind: 'fail', on, block: number(a), nth: count > 3 ? number(c) : 1, times: 'ever' };
  }
  if (kind === 'cut' && (count === 4 || count === 5)) {
    return { kind, when: a, ...trigger(b), nth: number(c), seed: d === undefined ? 1 : number(d) };
  }
  if (kind === 'stuck' && count === 4) return { kind, offset: number(a), mask: number(b), value: number(c) };
  if (kind === 'flip' && (count === 3 || count === 4)) {
    return { kind, page: number(a), bits: number(b), times: count === 4 ? times(c) : 'ever' };
  }
  return null;
}

function trigger(text: string): Record<string, unknown> {
  const at = text.indexOf('@');
  return at < 0 ? { on: text } : { on: text.slice(0, at), block: number(text.slice(at + 1)) };
}

/** The number; text that is no number is returned as it is, and then refused by the check of its field. */
function number(text: string): number | string {
  return /^(?:[0-9]+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : text;
}

function times(text: string): number | string {
  return text === 'ever' ? text : number(text);
}

/** The text form of a fault; the inverse of `parseFault`. */
export function formatFault(fault: Fault): string {
  switch (fault.kind) {
    case 'fail':
      return `fail:${formatTrigger(fault)}:${fault.times}`;
    case 'cut':
      return `cut:${fault.when}:${formatTrigger(fault)}:${fault.seed}`;
    case 'stuck':
      return `stuck:${fault.offset}:${fault.mask}:${fault.value}`;
    case 'flip':
      return `flip:${fault.page}:${fault.bits}:${fault.times}`;
  }
}

function formatTrigger({ on, block, nth }: Trigger): string {
  return `${on}${block === undefined ? '' : `@${block}`}:${nth}`;
}

/**
 * Checks a fault plan against a chip.
 * @throws SluiceError ERR_USAGE_SIM with all mistakes
 */
export function checkFaults(faults: readonly Fault[], geometry: Geometry): void {
  if (faults.length > MAX_FAULTS) {
    throw new SluiceError(
      'ERR_USAGE_SIM',
      `a fault plan has at most ${MAX_FAULTS} faults, not ${faults.length}`,
    );
  }
  const strict = new JsonChecker();
  faults.forEach((fault, index) => {
    const place = `faults[${index}]`;
    checkFault(strict, readFault(strict, fault, place), geometry, place);
  });
  strict.finish('ERR_USAGE_SIM', 'the fault plan does not fit the chip');
}
