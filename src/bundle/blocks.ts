/** Index of one image: its whole digest and the digest of each of its blocks. */
export interface ImageIndex {
  /** Member name, such as `image-kernel`. */
  readonly member: string;
  /** Partition that it is for. */
  readonly partition: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes of a block; the last block may be shorter. */
  readonly blockSize: number;
  /** SHA-256 of the whole image, 32 bytes. */
  readonly sha256: Uint8Array;
  /** SHA-256 of each block, 32 bytes each, one after the other. */
  readonly digests: Uint8Array;
}

/** The block index of a bundle (BLOCKS). */
export interface BlockIndex {
  readonly machine: string;
  readonly version: string;
  readonly securityVersion: number | null;
  /** By member name, in the order of the file. */
  readonly images: ReadonlyMap<string, ImageIndex>;
}
