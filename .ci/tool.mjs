// Bundles programs of the repository that are TypeScript and no part of the product: benchmarks and guests.
import { build } from 'esbuild';

/**
 * @param entry - path of the source
 * @param outfile - a path that npm packages are found from, unless all is put inside
 * @param {{ inside?: boolean }} options - inside: with everything that it imports, for a machine that has only Node
 */
export async function bundleTool(entry, outfile, { inside = false } = {}) {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.12',
    loader: { '.sh': 'text' },
    logLevel: 'warning',
    ...(inside ? {} : { packages: 'external' }),
  });
}
