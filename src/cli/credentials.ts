import { EXIT, SluiceError } from '../core/errors.js';
import { digestOf } from '../protocols/http/auth/credentials.js';
import { hashPassword } from '../protocols/http/auth/password-hash.js';
import { ROLES } from '../service/roles.js';
import type { Command } from './command.js';
import type { CredentialsDocument } from '../daemon/credentials-file.js';
import { readPassword } from './credentials/read-password.js';
import { readCredentialsDocument, writeCredentials } from './credentials/write-credentials.js';
import { stdout } from './output.js';
import { note, printJson, table } from './print.js';
import { newToken } from '../daemon/state-folder.js';
import type { Invocation } from '../config/invocation.js';

/** The least role that can send updates. */
const DEFAULT_ROLE = 'Operator';

export const command: Command = {
  name: 'credentials',
  usage: 'credentials FILE [--user NAME | --token NAME | --remove NAME] [options]',
  summary: 'make tokens and users for the service',
  description: `Changes the credentials file that the configuration of \`sluice serve\` names (http.credentials), and lists its
entries. The file has hashes only. A running service notices the change.`,
  examples: [
    'sluice credentials /etc/sluice-credentials.json --token build-server',
    'sluice credentials /etc/sluice-credentials.json --user alice --role Administrator',
    'pass show bmc/alice | sluice credentials /etc/sluice-credentials.json --user alice',
    'sluice credentials /etc/sluice-credentials.json --remove alice',
  ],
  options: {
    user: {
      value: 'NAME',
      help: 'add a user or change the password; the password is prompted for, or read\nfrom a pipe',
    },
    token: { value: 'NAME', help: 'add or renew a token, which is printed once' },
    remove: { value: 'NAME', help: 'remove the user and the token of this name' },
    role: {
      value: 'ROLE',
      help: `of the user or token: Administrator, Operator (may write) or ReadOnly (may\nonly read); default ${DEFAULT_ROLE}, or the present role`,
    },
  },
  arity: [1, 1],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [path] = invocation.arguments as [string];
  const [user, token, removed] = ['user', 'token', 'remove'].map((name) => invocation.option(name));
  if ([user, token, removed].filter((name) => name !== undefined).length > 1) {
    throw usage('--user, --token and --remove cannot be combined');
  }
  const role = roleOf(invocation.option('role'));
  if (role !== undefined && user === undefined && token === undefined) {
    throw usage('--role needs --user or --token');
  }
  const document = readCredentialsDocument(path, user !== undefined || token !== undefined);
  if (user !== undefined) await putUser(document, user, role);
  const text = token === undefined ? null : putToken(document, token, role);
  if (removed !== undefined) remove(document, removed, path);
  const changed = user ?? token ?? removed;
  if (changed !== undefined) writeCredentials(path, document);
  printCredentials(invocation, document, text);
  return EXIT.done;
}

type Role = (typeof ROLES)[number];

async function putUser(document: CredentialsDocument, name: string, role: Role | undefined): Promise<void> {
  if (name.includes(':'))
    throw usage('the name of a user must not contain a colon: Basic authentication separates with it');
  requireFree(name, 'token', document.tokens?.some((known) => known.name === name) === true);
  const users = new Map(Object.entries(document.users ?? {}));
  const password = await hashPassword(await readPassword(name));
  users.set(name, { role: role ?? users.get(name)?.role ?? DEFAULT_ROLE, password });
  document.users = Object.fromEntries(users);
}

function putToken(document: CredentialsDocument, name: string, role: Role | undefined): string {
  requireFree(name, 'user', Object.hasOwn(document.users ?? {}, name));
  const token = newToken();
  const { tokens = [] } = document;
  const old = tokens.find((known) => known.name === name);
  const fresh = {
    name,
    role: role ?? old?.role ?? DEFAULT_ROLE,
    hash: `sha256$${digestOf(token).toString('hex')}`,
  };
  document.tokens = [...tokens.filter((known) => known !== old), fresh];
  return token;
}

/** A user and a token must not share a name: sessions, receipts and the audit log identify a client by its name. */
function requireFree(name: string, kind: string, isTaken: boolean): void {
  if (isTaken) throw usage(`a ${kind} named ${name} exists; use another name, or --remove ${name} first`);
}

function remove(document: CredentialsDocument, name: string, path: string): void {
  const users = Object.entries(document.users ?? {});
  const { tokens = [] } = document;
  const left = users.filter(([known]) => known !== name);
  const others = tokens.filter((token) => token.name !== name);
  if (left.length === users.length && others.length === tokens.length) {
    throw usage(`${path} has no user and no token named ${name}`);
  }
  document.users = Object.fromEntries(left);
  if (others.length > 0) document.tokens = others;
  else delete document.tokens;
}

/** Prints the new token if one was made, otherwise the entries of the file. */
function printCredentials(invocation: Invocation, document: CredentialsDocument, token: string | null): void {
  const rows = [
    ...Object.entries(document.users ?? {}).map(([name, { role }]) => ({ kind: 'user', name, role })),
    ...(document.tokens ?? []).map(({ name, role }) => ({ kind: 'token', name, role })),
  ];
  if (invocation.has('json')) return printJson({ token, credentials: rows });
  if (token !== null) {
    note('sluice: the token is printed only once; the file has only its hash');
    stdout().write(`${token}\n`);
    return;
  }
  const lines = table([['name', 'kind', 'role'], ...rows.map(({ name, kind, role }) => [name, kind, role])]);
  for (const line of lines) stdout().write(`${line}\n`);
}

function roleOf(name: string | undefined): Role | undefined {
  const role = ROLES.find((known) => known === name);
  if (role === undefined && name !== undefined) throw usage(`--role takes ${ROLES.join(', ')}`);
  return role;
}

const usage = (message: string): SluiceError => new SluiceError('ERR_USAGE_OPTION', message);
