import type { SystemError } from './binding.js';

/** Errno of drivers and kernels that lack an operation. */
const LACKING: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOTTY', 'ENOSYS']);

/** The kernel's own ENOTSUPP, which C libraries have no name for: raw NAND answers MEMUNLOCK with it. */
const KERNEL_ENOTSUPP = -524;

/** Makes a value of the errors that say that the kernel or the driver has no such operation. */
export async function orUnsupported<T>(running: Promise<T>): Promise<T | 'unsupported'> {
  try {
    return await running;
  } catch (error) {
    const { code, errno } = error as Partial<SystemError>;
    if (LACKING.has(code) || errno === KERNEL_ENOTSUPP) return 'unsupported';
    throw error;
  }
}
