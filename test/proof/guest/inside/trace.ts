/**
 * What the kernel did to flash, whoever asked for it: probes on the functions of the MTD core that every user of
 * flash comes by (mtdchar, mtdblock, UBI, JFFS2).
 */
import { readFileSync, writeFileSync } from 'node:fs';

const TRACING = '/sys/kernel/tracing';
/** Room for the events of writing 32 MiB page by page, on each CPU. */
const BUFFER_KIB = 8192;
/**
 * `index` of struct mtd_info, `addr` and `len` of struct erase_info, `len` of struct mtd_oob_ops in Linux 6.1 on 64-bit
 * machines; the first test of the group `guest` finds out when
 * that has changed.
 */
const PROBES = `p:sluice/erase mtd_erase mtd=+64(%di):s32 at=+0(%si):u64 len=+8(%si):u64
p:sluice/program mtd_write_oob mtd=+64(%di):s32 at=%si:u64 len=+8(%dx):u64
`;

export interface FlashOperation {
  readonly kind: 'erase' | 'program';
  /** Index of the MTD that it was asked of; addresses are its own. */
  readonly mtd: number;
  readonly at: number;
  readonly length: number;
}

export function startTrace(): void {
  writeFileSync(`${TRACING}/buffer_size_kb`, String(BUFFER_KIB));
  writeFileSync(`${TRACING}/kprobe_events`, PROBES);
  writeFileSync(`${TRACING}/trace`, '');
  writeFileSync(`${TRACING}/events/sluice/enable`, '1');
}

/** How often flash was erased since the trace began, without reading the trace. */
export function erasesSoFar(): number {
  const profile = readFileSync(`${TRACING}/kprobe_profile`, 'latin1');
  return Number(/^\s*erase\s+(\d+)/m.exec(profile)?.[1] ?? 0);
}

export function stopTrace(): FlashOperation[] {
  writeFileSync(`${TRACING}/events/sluice/enable`, '0');
  const text = readFileSync(`${TRACING}/trace`, 'latin1');
  writeFileSync(`${TRACING}/trace`, '');
  writeFileSync(`${TRACING}/kprobe_events`, '');
  const [, kept, written] = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(text) ?? [];
  if (kept !== written) throw new Error(`the trace lost ${Number(written) - Number(kept)} events`);
  const events = text.matchAll(/: (erase|program): \(.*?\) mtd=(-?\d+) at=(\d+) len=(\d+)/g);
  return [...events].map(([, kind, mtd, at, length]) => ({
    kind: kind as FlashOperation['kind'],
    mtd: Number(mtd),
    at: Number(at),
    length: Number(length),
  }));
}

/** Runs `body` and gives what was done to flash meanwhile. */
export async function traced(body: () => void | Promise<void>): Promise<FlashOperation[]> {
  startTrace();
  try {
    await body();
  } catch (error) {
    stopTrace();
    throw error;
  }
  return stopTrace();
}
