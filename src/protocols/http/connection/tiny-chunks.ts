/**
 * Bytes that the pieces of a body must have on average, after the first MIN_PIECES: far fewer than clients send. A piece
 * costs as much time as some KiB of data, so chunks of one byte could occupy the processor.
 */
const MIN_AVERAGE_PIECE_BYTES = 64;
const MIN_PIECES = 128;

/** Whether a body has so many tiny pieces that it is not worth reading. */
export const isTinyChunkFlood = (pieces: number, bytes: number): boolean =>
  pieces > MIN_PIECES && bytes < pieces * MIN_AVERAGE_PIECE_BYTES;
