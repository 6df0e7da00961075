/** The portable core as one script, the way an engine other than Node would be given it. */
import { build, type BuildOptions } from 'esbuild';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** One bundled script. */
export interface Script {
  readonly code: string;
  /** The source files in it, as esbuild names them. */
  readonly inputs: readonly string[];
  /** What it would still import when it runs. */
  readonly imports: readonly string[];
}

/** The global variable that the core's exports are in. */
export const CORE_GLOBAL = 'sluice';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles a TypeScript file of this repository with nothing left outside and nothing known of Node. */
async function bundle(entry: string, options: BuildOptions): Promise<Script> {
  const { outputFiles, metafile } = await build({
    ...options,
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'neutral',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  return {
    code: outputFiles[0]?.text ?? '',
    inputs: Object.keys(metafile.inputs),
    imports: output?.imports.map(({ path }) => path) ?? [],
  };
}

/**
 * src/core/index.ts, its exports in a global named `sluice`.
 * @param options.mtd - with the MTD driver on a chip in memory
 */
export const bundleCore = ({ minify = false, mtd = false } = {}): Promise<Script> =>
  bundle(mtd ? 'test/kit/core-with-mtd.ts' : 'src/core/index.ts', { minify, globalName: CORE_GLOBAL });

/** A script of test/kit that works with that global. */
export const bundleGuest = (name: string): Promise<Script> => bundle(`test/kit/${name}.ts`, {});

/**
 * The names that a script takes from its surroundings: those that it uses and nowhere declares.
 * Answered by the type checker, which is given no library and so knows of no global.
 */
export function freeNames(code: string): Set<string> {
  const file = ts.createSourceFile('bundle.js', code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const host: ts.CompilerHost = {
    getSourceFile: (name) => (name === file.fileName ? file : undefined),
    getDefaultLibFileName: () => '',
    writeFile: () => {},
    getCurrentDirectory: () => '',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (name) => name === file.fileName,
    readFile: () => undefined,
  };
  const options = { allowJs: true, noLib: true, noResolve: true, target: ts.ScriptTarget.ES2022, types: [] };
  const checker = ts.createProgram([file.fileName], options, host).getTypeChecker();
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && isReference(node)) {
      const symbol = checker.resolveName(node.text, node, ts.SymbolFlags.Value, false);
      if (symbol?.declarations === undefined) names.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return names;
}

/** Whether an identifier stands for a variable: not for a property, a key or a label. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isClassElement(parent)) {
    return 'initializer' in parent && parent.initializer === node;
  }
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  return !ts.isObjectLiteralElement(parent) || ts.isShorthandPropertyAssignment(parent);
}
