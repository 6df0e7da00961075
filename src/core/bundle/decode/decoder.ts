import type { ByteSink, Platform } from '../../platform.js';

/**
 * One way in which a source can be packed. A new one is a file beside gzip.ts and a row of the chain
 * (decode-chain.ts); nothing else has to know.
 */
export interface Decoder {
  /**
   * The first bytes of every source that is packed this way, at least one. Must not be the first bytes of a
   * container.
   */
  readonly magic: readonly number[];
  /**
   * Gives a sink that takes the packed bytes, the magic included. The sink must hand on to `sink` what comes of them,
   * in pieces that it need not keep, and must resolve a write only when `sink` has taken all of it. Its `end` must end
   * `sink`, or reject where packed bytes are missing. What follows the packed bytes must
   * be refused, unless it is more of them or zeros.
   *
   * @throws SluiceError ERR_SOURCE_* if this build cannot unpack it
   */
  unpack(platform: Platform, sink: ByteSink): Promise<ByteSink>;
}
