/**
 * Bytes that a piece of a body must have on average, once there were a few: far below what any client sends. Each piece
 * costs as much as some KiB would; a sender of chunks of one byte each could keep the processor at work for nothing.
 */
const LEAST_PIECE = 64;
const FEW_PIECES = 128;

/** Whether a body that nobody has asked for comes in pieces that are not worth taking. */
export const isTinyChunkFlood = (pieces: number, bytes: number): boolean =>
  pieces > FEW_PIECES && bytes < pieces * LEAST_PIECE;
