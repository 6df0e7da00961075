/** Positions and labels of the ticks of an axis. */

export interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Axis {
  readonly ticks: readonly Tick[];
  /** Position of a value on the axis, from 0 to 1. */
  readonly at: (value: number) => number;
}

/** Largest number of ticks whose labels do not overlap. */
const MAX_TICKS = 8;

/** Least range of an axis, relative to its values (or to 1, if they are smaller): smaller steps are lost in rounding. */
const FINEST = 1e-9;

/**
 * An axis from the tick at or below `least` to the tick at or above `most`, in steps of 1, 2 or 5 times a power of ten.
 * If all values are nearly equal, the axis has length 1 and begins at them.
 */
export function linearAxis(least: number, most: number): Axis {
  const apart = most - least >= FINEST * Math.max(1, Math.abs(least), Math.abs(most));
  const high = apart ? most : least + 1;
  const step = stepFor((high - least) / (MAX_TICKS - 2));
  const first = Math.floor(least / step);
  const last = Math.ceil(high / step);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => {
    const value = Number(((first + index) * step).toFixed(digits));
    return { value, label: value.toFixed(digits) };
  });
  return { ticks, at: (value) => (value / step - first) / (last - first) };
}

/**
 * An axis of powers of two, from that at or below `least` to that at or above `most`. If there are too many ticks, only
 * every second, third and so on is used.
 */
export function logAxis(least: number, most: number): Axis {
  const first = Math.floor(Math.log2(least));
  const last = Math.max(first + 1, Math.ceil(Math.log2(most)));
  const step = Math.ceil((last - first + 1) / MAX_TICKS);
  const ticks: Tick[] = [];
  for (let power = first; power <= last; power += step) {
    ticks.push({ value: 2 ** power, label: String(2 ** power) });
  }
  return { ticks, at: (value) => (Math.log2(value) - first) / (last - first) };
}

/** The round number at or above `rough`. */
function stepFor(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((times) => times * power >= rough * (1 - 1e-9)) ?? 10) * power;
}
