/** What QEMU's m25p80 model wrote down: every erase, and every program that wanted a bit set. */
export interface FlashTrace {
  /** In their order. */
  readonly erases: readonly FlashErase[];
  /** Programs of a 1 over a 0, which the chip does not do: each is a defect of who asked for it. */
  readonly illegal: readonly string[];
}

export interface FlashErase {
  /** Which chip: QEMU's address of it. */
  readonly chip: string;
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
}

/** @param text - lines as `m25p80_flash_erase [0xaddress] offset = 0x1000, len = 4096` */
export function traceOf(text: string): FlashTrace {
  const erases = Array.from(
    text.matchAll(/m25p80_flash_erase \[(\w+)\] offset = (0x[\da-f]+), len = (\d+)/g),
    ([, chip, offset, length]) => ({ chip: chip as string, offset: Number(offset), length: Number(length) }),
  );
  return {
    erases,
    illegal: text.split('\n').filter((line) => line.includes('m25p80_programming_zero_to_one')),
  };
}

/** Those erases that lie in `range`, of which there must be no part outside. */
export function erasesWithin(
  trace: FlashTrace,
  range: { offset: number; size: number },
  since = 0,
): FlashErase[] {
  return trace.erases
    .slice(since)
    .filter(({ offset, length }) => offset < range.offset + range.size && offset + length > range.offset);
}
