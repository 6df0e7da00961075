// Compiles the C sources of an addon into its build/linux-TARGET/NAME.node. The options are those of its build.mjs:
// `node build.mjs [--target x64|arm64|armv7|armv6]...`; without one it builds for this machine. It calls the C compiler
// directly: node-gyp needs Python and, on its first run, the network, and the addons use none of its features.
//
// CC names another compiler (with options, as Yocto's SDK sets it); CFLAGS and LDFLAGS are appended.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

// Debian's compilers. armhf is ARMv7 in Debian and ARMv6 in Raspberry Pi OS, so both targets have -march.
const TARGETS = {
  x64: { machine: 62, cross: 'x86_64-linux-gnu-gcc', apt: 'gcc-x86-64-linux-gnu', flags: [] },
  arm64: { machine: 183, cross: 'aarch64-linux-gnu-gcc', apt: 'gcc-aarch64-linux-gnu', flags: [] },
  armv7: {
    machine: 40,
    cross: 'arm-linux-gnueabihf-gcc',
    apt: 'gcc-arm-linux-gnueabihf',
    flags: ['-march=armv7-a+fp', '-mfloat-abi=hard'],
  },
  armv6: {
    machine: 40,
    cross: 'arm-linux-gnueabihf-gcc',
    apt: 'gcc-arm-linux-gnueabihf',
    // Thumb-1 has no floating point, and ARMv6 has no Thumb-2.
    flags: ['-march=armv6+fp', '-marm', '-mfloat-abi=hard'],
    // Without libgcc: Debian's is ARMv7 code. What needs it is left undefined, and refused by `check`.
    link: ['-nodefaultlibs', '-lc'],
  },
};

const FLAGS = [
  '-std=c11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fPIC',
  '-fvisibility=hidden',
  '-fstack-protector-strong',
];

// No start files: the addons have no constructors, and those of Debian's ARM compiler are ARMv7 code.
const LINK = ['-shared', '-nostartfiles', '-s', '-Wl,-z,relro,-z,now', '-Wl,--as-needed'];

class BuildError extends Error {}

/**
 * Builds the addon of a folder, and names it after the folder.
 * @param folder - absolute path
 * @param sources - C files and folders of C files, relative to `folder`
 */
export function buildAddon(folder, sources) {
  try {
    const { values } = parseArgs({ options: { target: { type: 'string', multiple: true } } });
    const own = ownTarget();
    const wanted = values.target ?? (own in TARGETS ? [own] : []);
    if (wanted.length === 0)
      throw new BuildError(`no target for ${process.platform}-${process.arch}: name one with --target`);
    const headers = findHeaders();
    for (const target of wanted) build(folder, sourceFiles(folder, sources), target, own, headers);
  } catch (error) {
    if (!(error instanceof BuildError) && error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw error;
    process.stderr.write(`build-native: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** The C files of `sources`, absolute, in the same order on every machine. */
function sourceFiles(folder, sources) {
  return sources.flatMap((source) => {
    const path = join(folder, source);
    if (source.endsWith('.c')) return [path];
    const files = readdirSync(path).filter((file) => file.endsWith('.c'));
    return files.sort().map((file) => join(path, file));
  });
}

/** The target of this machine, by the same rule as the loader. */
function ownTarget() {
  if (process.arch !== 'arm') return process.arch;
  return Number(process.config.variables.arm_version) >= 7 ? 'armv7' : 'armv6';
}

function build(folder, sources, target, own, headers) {
  const rule = Object.hasOwn(TARGETS, target) ? TARGETS[target] : undefined;
  if (!rule) throw new BuildError(`unknown target ${target}: use ${Object.keys(TARGETS).join(', ')}`);
  const here = target === own || (process.arch === 'arm' && rule.machine === 40);
  const [compiler, ...options] = words(process.env.CC) ?? [here ? 'cc' : rule.cross];
  const name = basename(folder);
  const output = join(folder, 'build', `linux-${target}`);
  mkdirSync(output, { recursive: true });
  // Replaced by rename: a process that has the old addon mapped must not see it change.
  const fresh = join(output, `.${name}.${process.pid}`);
  const args = [
    ...options,
    ...FLAGS,
    ...rule.flags,
    ...(words(process.env.CFLAGS) ?? []),
    `-isystem${headers}`,
    ...sources,
    ...LINK,
    ...(rule.link ?? []),
    ...(words(process.env.LDFLAGS) ?? []),
    '-o',
    fresh,
  ];
  try {
    execFileSync(compiler, args, { stdio: 'inherit' });
    check(fresh, target, rule);
    renameSync(fresh, join(output, `${name}.node`));
  } catch (error) {
    rmSync(fresh, { force: true });
    if (error.code === 'ENOENT' && error.path === compiler) {
      throw new BuildError(
        `C compiler ${compiler} not found: install it (Debian: apt-get install ${here ? 'gcc libc6-dev' : rule.apt}) ` +
          `or name another one for linux-${target} in CC`,
      );
    }
    if (typeof error.status === 'number') throw new BuildError(`${compiler} failed for linux-${target}`);
    throw error;
  }
  process.stdout.write(`${relative('.', join(output, `${name}.node`))}\n`);
}

/** Checks the machine of the addon: CC may name a compiler for another one. */
function check(file, target, { machine }) {
  const bytes = readFileSync(file);
  const made = bytes.readUInt16LE(18);
  if (made !== machine)
    throw new BuildError(
      `the compiler built for ELF machine ${made}; linux-${target} is ELF machine ${machine}`,
    );
  if (target === 'armv6' && bytes.includes('__aeabi_')) {
    throw new BuildError('the addon needs helpers of libgcc, and those of Debian are ARMv7 code');
  }
}

/** The folder of node_api.h, of any version from 8 on: newer versions of Node-API only add to it. */
function findHeaders() {
  const candidates = [];
  try {
    candidates.push(dirname(createRequire(import.meta.url).resolve('node-api-headers/include/node_api.h')));
  } catch {
    // A devDependency: `npm install --omit=dev` leaves it out.
  }
  const nodedir = process.env.npm_config_nodedir;
  if (nodedir) candidates.push(join(nodedir, 'include/node'));
  candidates.push(join(dirname(process.execPath), '../include/node'), '/usr/include/node');
  candidates.push(join(homedir(), '.cache/node-gyp', process.versions.node, 'include/node'));
  const found = candidates.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found) return found;
  throw new BuildError(
    `node_api.h not found in ${candidates.join(', ')}: \`npm install\` installs it (package node-api-headers); ` +
      'Node from nodejs.org and NodeSource has it, and for the Node of Debian `apt-get install libnode-dev`',
  );
}

function words(text) {
  const found = text?.split(/\s+/).filter((word) => word !== '');
  return found?.length ? found : undefined;
}
