import { setFlagsFromString } from 'node:v8';

/**
 * No optimizing compiler: what takes time here is not JavaScript (hashes, copies, flash), and the compilers' own code
 * and working memory take 3 MiB, Maglev's 11 (Node 24, in one upload). Told when the process runs: further flags follow
 * from them (and from `--no-opt`) where they are told to node as it starts, and nobody takes those back.
 */
const COMPILERS: readonly { readonly out: string; readonly in: string }[] = [
  // Of how long a function it makes a better one; 60 KiB by itself in every V8 from 11 to 14.
  { out: '--max-optimized-bytecode-size=0', in: '--max-optimized-bytecode-size=61440' },
  // Only where this Node has it by itself: from 23 on, and not on every processor.
  ...(hasMaglev() ? [{ out: '--no-maglev', in: '--maglev' }] : []),
];

function hasMaglev(): boolean {
  const { v8_enable_maglev: has } = process.config.variables as { v8_enable_maglev?: unknown };
  return has === 1;
}

/** From here on V8 makes no better code of what runs often. */
export function keepCompilersOut(): void {
  for (const { out } of COMPILERS) setFlagsFromString(out);
}

/** Takes back what keepCompilersOut did. */
export function letCompilersIn(): void {
  for (const compiler of COMPILERS) setFlagsFromString(compiler.in);
}
