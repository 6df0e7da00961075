import type { FlashState } from '../../../core/errors.js';

const KIB = 1024;

/** A size for people. */
export function size(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  if (bytes < KIB * KIB) return `${trim(bytes / KIB)} KiB`;
  return `${trim(bytes / KIB / KIB)} MiB`;
}

/** A size that changes: always one decimal, so that the text keeps its length. */
export const mib = (bytes: number): string => (bytes / KIB / KIB).toFixed(1);

const trim = (value: number): string => String(Number(value.toFixed(2)));

/** Seconds as 1:05 or 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** A message with a full stop, to be followed by other sentences. */
export const sentence = (message: string): string => (/[.!?]$/.test(message) ? message : `${message}.`);

/** A time of the clock of the board. */
export function moment(iso: string): string {
  const date = new Date(iso);
  return date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

export const STATE_OF_FLASH: Readonly<Record<FlashState, string>> = {
  untouched: 'Untouched: nothing was erased or written.',
  partial: 'Partly written. Complete an update before the board restarts.',
  complete: 'Complete: everything is written.',
};

export const PHASES = {
  receiving: 'Receiving and writing',
  checking: 'Verifying signatures, reading back',
  proven: 'Verified, waiting for the commit',
  committing: 'Committing',
  done: 'Done',
  failed: 'Failed',
} as const;

export const OUTCOMES = {
  proven: 'Verified, waiting for the commit',
  committed: 'Updated',
  refused: 'Refused',
  failed: 'Failed',
  interrupted: 'Interrupted',
} as const;
