import { SluiceError } from '../../errors.js';

/** Names partition and block of a failure that belongs to the block; any other stays as it is. */
export function withBlockContext(error: SluiceError, partition: string, block: number): SluiceError {
  if (!error.row.wear) return error;
  return new SluiceError(error.code, `block ${block} of partition ${partition}: ${error.message}`, {
    partition,
    block,
    errno: error.errno,
    cause: error,
  });
}
