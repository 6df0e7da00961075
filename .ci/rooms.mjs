// The rooms of the house: every folder of src/ and the rooms that its files may import from. docs/architecture.md says
// what each is for. A file belongs to the longest path here that it lies in; `core` and `host/node` are also the files
// that lie directly in them.

const CORE = [
  'core',
  'core/bundle',
  'core/bundle/tar',
  'core/bundle/decode',
  'core/trust',
  'core/flash',
  'core/flash/mtd',
  'core/flash/ubi',
  'core/flash/block',
  'core/flash/in-use',
  'core/sim',
];
const REPORT = [...CORE, 'core/update/report'];
const PLAN = [...REPORT, 'core/update/plan'];
const WRITE = [...PLAN, 'core/update/write'];
const RECEIVE = [...WRITE, 'core/update/receive'];
const UPDATE = [...RECEIVE, 'core/update/check', 'core/update/resume', 'core/update'];
const HOST_BASE = ['host/node/fs', 'host/node/crypto', 'host/node/memory'];
const HOST = [
  ...UPDATE,
  'core/audit',
  ...HOST_BASE,
  'host/node',
  'host/node/gunzip',
  'host/node/flash',
  'host/node/sources',
  'host/node/state',
  'host/node/systemd',
];
const SERVICE = [...HOST, 'service'];
const HTTP = [...SERVICE, 'protocols/http/connection', 'protocols/http'];
const CONFIG = [...SERVICE, 'config'];

/** Where each room may import from, beside itself. */
export const ROOMS = {
  core: [],
  'core/bundle/tar': ['core'],
  'core/bundle/decode': ['core'],
  'core/bundle': ['core', 'core/bundle/tar', 'core/bundle/decode'],
  'core/trust': ['core', 'core/bundle'],
  'core/flash': ['core'],
  'core/flash/mtd': ['core', 'core/flash'],
  'core/flash/ubi': ['core', 'core/flash'],
  'core/flash/block': ['core', 'core/flash'],
  'core/flash/in-use': ['core', 'core/flash'],
  'core/sim': ['core', 'core/flash'],
  'core/update/report': CORE,
  'core/update/plan': REPORT,
  'core/audit': REPORT,
  'core/update/write': PLAN,
  'core/update/receive': WRITE,
  'core/update/resume': WRITE,
  'core/update/check': RECEIVE,
  'core/update': UPDATE,

  'host/node/memory': [],
  'host/node/crypto': ['core', 'host/node/memory'],
  'host/node/fs': ['core'],
  'host/node/gunzip': ['core', 'host/node/crypto'],
  'host/node/flash': [...CORE, ...HOST_BASE],
  'host/node/sources': [...CORE, ...HOST_BASE],
  'host/node/state': [...UPDATE, 'core/audit', ...HOST_BASE, 'host/node/flash'],
  'host/node/systemd': ['core'],
  'host/node': HOST,

  service: HOST,
  'protocols/http/connection': HOST,
  'protocols/http': HTTP,
  'protocols/page': HTTP,
  'protocols/page/client': SERVICE,
  'protocols/v1': HTTP,
  'protocols/redfish': HTTP,

  config: SERVICE,
  daemon: [...CONFIG, ...HTTP, 'protocols/v1', 'protocols/redfish', 'protocols/page'],

  'tools/client': HOST,
  'tools/inspect': HOST,
  'tools/pack': HOST,

  'cli/start': ['host/node/memory'],
  cli: [...CONFIG, ...HTTP, 'daemon', 'tools/client', 'tools/inspect', 'tools/pack'],
};

/** Rooms whose files must do without Node, npm and everything else of a host. */
export const PORTABLE = /^core(\/|$)/;

/** Files that gather what the library exports: their room is the one they lie in, but they may import all below it. */
export const FACES = {
  'core/index.ts': UPDATE,
  'index.ts': ['core/index.ts', ...HOST],
};

/** The room that a file of src/ lies in; null for a file in none. */
export function roomOf(path, rooms = ROOMS) {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const folder = path.slice(0, at);
    if (Object.hasOwn(rooms, folder)) return folder;
  }
  return null;
}
