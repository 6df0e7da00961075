/**
 * The receipt: the one document that says what an update did (docs/formats.md, Receipt). Its shape is a contract.
 *
 * @packageDocumentation
 */
import { EXIT, type ErrorCode, type FlashState, type SluiceError } from '../../errors.js';
import type { TrustPolicy } from '../../trust/trust.js';

/** `proven`: of a session that waits for its commit; all others are of one that is over. */
export type Outcome = 'proven' | 'committed' | 'refused' | 'failed' | 'interrupted';
export type BundleKind = 'stock' | 'proven' | 'single';

/** What proved the blocks before they were written; `signature`: only the whole, before commit. */
export type ProvenBy = 'index' | 'check-pass' | 'signature' | 'none';

/** Counts of erase blocks of one partition, but for `bytes`. */
export interface PartitionReceipt {
  /** Blocks that the image covers. */
  blocks: number;
  /** Already right, left alone. */
  skipped: number;
  erased: number;
  /** Programmed after an erase. */
  programmed: number;
  /** Programmed where only 1 to 0 bits were needed (NOR). */
  programmedWithoutErase: number;
  /** Read back after programming and found equal. */
  readBack: number;
  /** Attempts that were repeated. */
  retried: number;
  /** Marked bad in this session. */
  bad: number;
  /** Held back for the commit gate. */
  held: number;
  /** Size of the image. */
  bytes: number;
  /** SHA-256 of the image, hex; null until it was received whole. */
  sha256: string | null;
  /** What used the partition when it was written all the same (--force-mounted): `mounted at /rw`. */
  inUse?: string;
}

export interface Receipt {
  readonly outcome: Outcome;
  readonly code: ErrorCode | null;
  /** One sentence about what happened. */
  readonly message: string;
  readonly flash: FlashState;
  readonly bundle: {
    /** `sha256:` over machine, version and the digests of all images; null until all are known. */
    readonly identity: string | null;
    readonly kind: BundleKind;
    readonly version: string | null;
    readonly machine: string | null;
  };
  readonly trust: {
    readonly policy: TrustPolicy;
    readonly by: ProvenBy;
    /** KeyType of the system key that the signatures lead to. */
    readonly key: string | null;
  };
  readonly partitions: Readonly<Record<string, PartitionReceipt>>;
  readonly session: {
    /** Blocks that held what they must when a resumed session changed its first one; null when nothing was resumed. */
    readonly resumedFrom: number | null;
    /** Sessions with this bundle that changed something, this one included. */
    readonly attempt: number;
    /** What the journal has cost: records and bytes that were written. Null without one. */
    readonly journal: { readonly writes: number; readonly bytes: number } | null;
  };
  /** Seconds. */
  readonly times: { readonly wall: number; readonly flash: number };
  /** Bytes. */
  readonly memory: { readonly peakRss: number };
}

/** A row with nothing counted yet. */
export function emptyPartitionReceipt(): PartitionReceipt {
  return {
    blocks: 0,
    skipped: 0,
    erased: 0,
    programmed: 0,
    programmedWithoutErase: 0,
    readBack: 0,
    retried: 0,
    bad: 0,
    held: 0,
    bytes: 0,
    sha256: null,
  };
}

/** Which outcome an error is: what was wrong with the bundle or its source refuses, what was wrong here fails. */
export function outcomeOf(error: SluiceError): Outcome {
  switch (error.exit) {
    case EXIT.refused:
    case EXIT.source:
      return 'refused';
    case EXIT.interrupted:
      return 'interrupted';
    default:
      return 'failed';
  }
}
