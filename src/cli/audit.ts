import { auditFile } from '../core/audit/audit-files.js';
import { checkAudit, type AuditReport } from '../core/audit/audit-check.js';
import { headText, parseHead, type AuditLine } from '../core/audit/audit-line.js';
import { auditHost } from '../host/node/state/audit-host.js';
import { parsePlace, defaultFolder } from '../host/node/state/place.js';
import { SluiceError } from '../core/errors.js';
import type { Command } from './command.js';
import { readConfig } from '../config/config.js';
import { stdout } from './output.js';
import { printable } from '../core/text.js';
import { note, printJson, table } from './print.js';
import type { Invocation } from '../config/invocation.js';

export const command: Command = {
  name: 'audit',
  usage: 'audit verify | audit show | audit head [--state DIR] [options]',
  summary: 'check or show the log of all receipts',
  description: `Each receipt of \`sluice write\` and of the service is a line of the audit log in the state folder, with the
hash of the previous line. \`verify\` exits with 3 if a line was altered or is missing, and with 0 otherwise. The log
alone does not show that its last lines were removed: keep the output of \`head\` elsewhere and pass it to --head.`,
  examples: [
    'sluice audit verify',
    'sluice audit head --state /var/lib/sluice > head.txt   # then keep it elsewhere',
    'sluice audit verify --state /var/lib/sluice --head "$(cat head.txt)"',
    'sluice audit show --last 5',
  ],
  options: {
    state: { value: 'DIR', help: 'the state folder (default $STATE_DIRECTORY, else /var/lib/sluice)' },
    head: {
      value: 'SEQ:HASH',
      help: 'verify: an earlier output of `audit head`; the log must still have that line',
    },
    last: { value: 'N', help: 'show: only the last N receipts' },
    config: { value: 'FILE', help: 'JSON with defaults for these options' },
  },
  arity: [1, 1],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const verb = invocation.arguments[0] as string;
  const only = { head: 'verify', last: 'show' } as const;
  for (const [option, where] of Object.entries(only)) {
    if (!invocation.has(option) || verb === where) continue;
    throw new SluiceError('ERR_USAGE_OPTION', `--${option} is an option of audit ${where} only`);
  }
  const json = invocation.has('json');
  const folder = folderOf(invocation);
  if (verb === 'verify') return verify(folder, invocation.option('head'), json);
  if (verb === 'show') return show(folder, invocation.option('last'), json);
  if (verb === 'head') return head(folder, json);
  throw new SluiceError(
    'ERR_USAGE_ARGUMENT',
    `unknown verb audit ${verb}; the verbs are verify, show and head`,
  );
}

function folderOf(invocation: Invocation): string {
  const config = invocation.option('config');
  const said = invocation.option('state') ?? (config === undefined ? undefined : readConfig(config).state);
  if (said === undefined) return defaultFolder(process.env);
  const place = parsePlace(said);
  if (place.kind === 'folder') return place.path;
  throw new SluiceError('ERR_USAGE_STATE', `${said} is not a folder; the audit log needs a folder`);
}

function verify(folder: string, text: string | undefined, json: boolean): number {
  const anchor = text === undefined ? null : parseHead(text.trim());
  if (text !== undefined && anchor === null) {
    throw new SluiceError('ERR_USAGE_OPTION', '--head takes the output of `sluice audit head`, SEQ:HASH');
  }
  const report = checkAudit(auditHost, folder, anchor);
  const { lines, head, torn } = report;
  const first = (lines[0] as AuditLine).seq;
  const repaired = lines.filter(({ kind }) => kind === 'mended').length;
  const { length: receipts } = receiptsOf(report);
  if (json) {
    printJson({ whole: true, first, head, receipts, mended: repaired, torn, anchor });
    return 0;
  }
  const out = (line: string) => stdout().write(`${line}\n`);
  out(`whole: lines ${first} to ${head.sequence}, ${receipts} receipts`);
  if (repaired > 0)
    out(`  ${repaired} ${repaired === 1 ? 'line was' : 'lines were'} torn by a power cut and repaired`);
  if (torn > 0)
    out(`  ${torn} bytes at the end are a line torn by a power cut; the next receipt repairs the log`);
  out(`  head ${headText(head)}`);
  if (anchor === null) note('  Lines removed at the end are detected only with --head.');
  return 0;
}

function head(folder: string, json: boolean): number {
  const { head } = checkAudit(auditHost, folder);
  if (json) printJson(head);
  else stdout().write(`${headText(head)}\n`);
  return 0;
}

function show(folder: string, last: string | undefined, json: boolean): number {
  if (last !== undefined && !/^[1-9]\d{0,8}$/.test(last)) {
    throw new SluiceError('ERR_USAGE_OPTION', `--last takes a whole number from 1 on, not ${last}`);
  }
  const report = checkAudit(auditHost, folder);
  const lines = receiptsOf(report).slice(last === undefined ? 0 : -Number(last));
  if (json) {
    printJson(lines);
    return 0;
  }
  if (lines.length === 0) note(`sluice: ${auditFile(folder)} has no receipts yet`);
  const rows = lines.map(({ seq, at, from, receipt }) => [
    seq,
    at,
    receipt.outcome,
    receipt.flash,
    receipt.bundle.version ?? '-',
    Object.keys(receipt.partitions).join(',') || '-',
    [from.via, from.user, from.peer].filter((word) => word !== null).join(' '),
    receipt.code ?? '',
  ]);
  // Text from a bundle must not control the terminal.
  const names = ['line', 'at', 'outcome', 'flash', 'version', 'partitions', 'from', ''];
  for (const line of table([names, ...rows])) stdout().write(`${printable(line)}\n`);
  return 0;
}

function receiptsOf({ lines }: AuditReport): (AuditLine & { kind: 'receipt' })[] {
  return lines.filter((line) => line.kind === 'receipt');
}
