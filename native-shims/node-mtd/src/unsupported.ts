import type { SystemError } from './binding.js';

/** Errno of drivers and kernels that lack an operation. */
const LACKING: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOTTY', 'ENOSYS']);

/** Makes a value of the errors that say that the kernel or the driver has no such operation. */
export async function orUnsupported<T>(running: Promise<T>): Promise<T | 'unsupported'> {
  try {
    return await running;
  } catch (error) {
    if (LACKING.has((error as Partial<SystemError>).code)) return 'unsupported';
    throw error;
  }
}
