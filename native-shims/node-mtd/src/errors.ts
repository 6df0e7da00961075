/** What node-mtd itself refuses; errors of system calls are the binding's `SystemError`. */
export type NodeMtdCode =
  /** The addon is not built, not for this machine, or older than this file. */
  | 'ERR_NO_ADDON'
  /** /proc or /sys say something that the kernel does not say, or contradict one another. */
  | 'ERR_MALFORMED'
  /** The device is not the one that was listed. */
  | 'ERR_REPLACED'
  /** The path is neither a block device nor a file. */
  | 'ERR_NOT_A_DEVICE'
  /** Outside the device, or misaligned; nothing was asked of the kernel. */
  | 'ERR_RANGE'
  /** Bytes of a volume update that was not declared, or more of them than were. */
  | 'ERR_NO_UPDATE';

export class NodeMtdError extends Error {
  override readonly name = 'NodeMtdError';
  readonly code: NodeMtdCode;

  constructor(code: NodeMtdCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
