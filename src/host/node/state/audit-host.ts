import type { AuditHost } from '../../../core/audit/audit-line.js';
import { sha256 } from '../crypto/sha256.js';
import { nodeFiles } from '../fs/node-files.js';

/** What the audit log needs of this machine. */
export const auditHost: AuditHost = { files: nodeFiles, sha256 };
