import { UnknownUseError, unescapeOctal, type ProcSys } from './system.js';

/** Paths of the swap areas that are on. */
export function swaps(system: ProcSys): string[] {
  const text = system.text('proc', 'swaps');
  // A kernel without swap.
  if (text === null) return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(1).map((line, index) => {
    const [, path] = /^(\/\S*)\s+(?:partition|file)\s/.exec(line) ?? [];
    if (path === undefined) {
      throw new UnknownUseError(`line ${index + 2} of ${system.path('proc', 'swaps')} cannot be understood`);
    }
    return unescapeOctal(path).replace(/ \(deleted\)$/, '');
  });
}
