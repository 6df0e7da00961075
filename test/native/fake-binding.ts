import type { Handle, NativeBinding } from 'node-mtd';

/** What the functions of a fake answer; one that has none here answers undefined. */
export type Answers = {
  [Name in keyof NativeBinding]?: (
    ...args: Parameters<NativeBinding[Name]>
  ) => Awaited<ReturnType<NativeBinding[Name]>>;
};

export interface Fake {
  readonly binding: NativeBinding;
  /** Every call, without the handle, which is checked to be the one that was opened. */
  readonly calls: (readonly unknown[])[];
  /** Whether the handle is open. */
  isOpen(): boolean;
}

/** A binding that notes what it is asked, for one handle. */
export function fakeBinding(answers: Answers): Fake {
  const handle = {} as Handle;
  const calls: (readonly unknown[])[] = [];
  let open = false;
  const binding = new Proxy({} as NativeBinding, {
    get:
      (_target, name: keyof NativeBinding) =>
      async (...args: unknown[]): Promise<unknown> => {
        if (name === 'open') open = true;
        else if (args.shift() !== handle || !open) throw systemError('EBADF', name);
        if (name === 'close') open = false;
        calls.push([name, ...args]);
        const answer = answers[name] as ((...args: unknown[]) => unknown) | undefined;
        const given = answer?.(...(name === 'open' ? args : [handle, ...args]));
        return name === 'open' ? handle : given;
      },
  });
  return { binding, calls, isOpen: () => open };
}

/** An error as the addon makes it. */
export function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: as asked for, ${syscall}`), { code, errno: -1, syscall });
}
