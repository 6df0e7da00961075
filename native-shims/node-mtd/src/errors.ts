/** Why node-mtd itself refuses a call. A failed system call is a `SystemError` of the binding. */
export type NodeMtdCode =
  /** The addon is missing, built for another machine, or built from older sources. */
  | 'ERR_NO_ADDON'
  /** /proc or /sys are not in the format of the kernel, or contradict each other. */
  | 'ERR_MALFORMED'
  /** The device is not the listed one. */
  | 'ERR_REPLACED'
  /** The path is neither a block device nor a file. */
  | 'ERR_NOT_A_DEVICE'
  /** The range is outside the device or not aligned. The kernel was not called. */
  | 'ERR_RANGE'
  /** Bytes without an update of the volume, or more bytes than the update has. */
  | 'ERR_NO_UPDATE';

export class NodeMtdError extends Error {
  override readonly name = 'NodeMtdError';
  readonly code: NodeMtdCode;

  constructor(code: NodeMtdCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
