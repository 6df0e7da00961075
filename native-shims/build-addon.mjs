// Compiles an addon's native/*.c into its build/linux-TARGET/NAME.node; the options are those of its build.mjs:
// `node build.mjs [--target x64|arm64|armv7|armv6]...`, the machine's own target when none is named. Straight by the C
// compiler: there is nothing in it that node-gyp would be needed for, and node-gyp wants Python, and the network on its
// first run.
//
// CC names another compiler (with options, as Yocto's SDK sets it); CFLAGS and LDFLAGS are appended.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

// Debian's compilers; Raspberry Pi OS has an armhf of its own that is ARMv6, Debian's is ARMv7: hence -march for both.
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
    // Thumb-1 has no floating point, and ARMv6 no Thumb-2.
    flags: ['-march=armv6+fp', '-marm', '-mfloat-abi=hard'],
  },
};

const FLAGS = [
  '-std=c11',
  '-D_GNU_SOURCE',
  '-D_FILE_OFFSET_BITS=64',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fPIC',
  '-fvisibility=hidden',
  '-fstack-protector-strong',
];

// No start files: the addon has no constructors, and those of Debian's ARM compiler are code for ARMv7.
const LINK = ['-shared', '-nostartfiles', '-s', '-Wl,-z,relro,-z,now', '-Wl,--as-needed'];

class BuildError extends Error {}

/**
 * Builds the addon of a folder, whose name it gets.
 * @param folder - absolute; with native/*.c
 * @param shared - sources of another addon that are also in this one
 */
export function buildAddon(folder, shared = []) {
  try {
    const { values } = parseArgs({ options: { target: { type: 'string', multiple: true } } });
    const own = ownTarget();
    const wanted = values.target ?? (own in TARGETS ? [own] : []);
    if (wanted.length === 0) throw new BuildError(`no target for ${process.platform}-${process.arch}`);
    const headers = findHeaders();
    for (const target of wanted) build({ folder, shared }, target, own, headers);
  } catch (error) {
    if (!(error instanceof BuildError) && error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw error;
    process.stderr.write(`build-native: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** The target of this machine, told as the loader does. */
function ownTarget() {
  if (process.arch !== 'arm') return process.arch;
  return Number(process.config.variables.arm_version) >= 7 ? 'armv7' : 'armv6';
}

function build(addon, target, own, headers) {
  const rule = Object.hasOwn(TARGETS, target) ? TARGETS[target] : undefined;
  if (!rule) throw new BuildError(`no target ${target}; there are ${Object.keys(TARGETS).join(', ')}`);
  const here = target === own || (process.arch === 'arm' && rule.machine === 40);
  const [compiler, ...options] = words(process.env.CC) ?? [here ? 'cc' : rule.cross];
  const name = basename(addon.folder);
  const folder = join(addon.folder, 'build', `linux-${target}`);
  const native = join(addon.folder, 'native');
  const sources = readdirSync(native).filter((file) => file.endsWith('.c'));
  mkdirSync(folder, { recursive: true });
  // Put in its place whole: a process that has the old one mapped must not see it change.
  const fresh = join(folder, `.${name}.${process.pid}`);
  const args = [
    ...options,
    ...FLAGS,
    ...rule.flags,
    ...(words(process.env.CFLAGS) ?? []),
    `-isystem${headers}`,
  ];
  for (const file of addon.shared) args.push(`-I${dirname(file)}`);
  args.push(...sources.sort().map((file) => join(native, file)), ...addon.shared, ...LINK);
  args.push(...(words(process.env.LDFLAGS) ?? []), '-o', fresh);
  try {
    execFileSync(compiler, args, { stdio: 'inherit' });
    check(fresh, target, rule);
    renameSync(fresh, join(folder, `${name}.node`));
  } catch (error) {
    rmSync(fresh, { force: true });
    if (error.code === 'ENOENT' && error.path === compiler) {
      throw new BuildError(
        `there is no ${compiler}. On Debian: apt-get install ${here ? 'gcc libc6-dev' : rule.apt}; ` +
          `or name another C compiler for linux-${target} in CC`,
      );
    }
    if (typeof error.status === 'number') throw new BuildError(`${compiler} failed for linux-${target}`);
    throw error;
  }
  process.stdout.write(`${relative('.', join(folder, `${name}.node`))}\n`);
}

/** That the compiler made what was wanted: CC may be one for another machine. */
function check(file, target, { machine }) {
  const bytes = readFileSync(file);
  const made = bytes.readUInt16LE(18);
  if (made !== machine)
    throw new BuildError(`the compiler made ELF machine ${made}, and linux-${target} is ${machine}`);
  if (target === 'armv6' && bytes.includes('__aeabi_')) {
    throw new BuildError('the compiler wants helpers of libgcc, and those of Debian are code for ARMv7');
  }
}

/** The folder of node_api.h. Any will do: Node-API's versions only add, and the addon asks for version 8. */
function findHeaders() {
  const candidates = [];
  try {
    candidates.push(dirname(createRequire(import.meta.url).resolve('node-api-headers/include/node_api.h')));
  } catch {
    // A devDependency: not there after `npm install --omit=dev`.
  }
  const nodedir = process.env.npm_config_nodedir;
  if (nodedir) candidates.push(join(nodedir, 'include/node'));
  candidates.push(join(dirname(process.execPath), '../include/node'), '/usr/include/node');
  candidates.push(join(homedir(), '.cache/node-gyp', process.versions.node, 'include/node'));
  const found = candidates.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found) return found;
  throw new BuildError(
    `node_api.h is in none of ${candidates.join(', ')}. It comes with \`npm install\` (the package node-api-headers), ` +
      'with Node from nodejs.org or NodeSource, and with `apt-get install libnode-dev` where Node is from Debian',
  );
}

function words(text) {
  const found = text?.split(/\s+/).filter((word) => word !== '');
  return found?.length ? found : undefined;
}
