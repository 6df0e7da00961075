import type { SystemError } from './binding.js';

/** Errno of drivers and kernels that do not have an operation. */
const UNSUPPORTED: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOTTY', 'ENOSYS']);

/** ENOTSUPP of the kernel, which C libraries have no name for: the result of MEMUNLOCK on raw NAND. */
const KERNEL_ENOTSUPP = -524;

/** Resolves with 'unsupported' if the kernel or the driver does not have the operation. */
export async function orUnsupported<T>(running: Promise<T>): Promise<T | 'unsupported'> {
  try {
    return await running;
  } catch (error) {
    const { code, errno } = error as Partial<SystemError>;
    if (UNSUPPORTED.has(code) || errno === KERNEL_ENOTSUPP) return 'unsupported';
    throw error;
  }
}
