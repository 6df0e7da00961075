/** Formats of numbers in the reports. */

/** Three significant digits; integers in full: `0.00314`, `1.25`, `1048576`. */
export function brief(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(3)));
}

/** Six significant digits, so that values near a limit differ: 1.0204 exceeds a limit of 1.02. */
export const full = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
