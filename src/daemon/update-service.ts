import { loadKeys } from '../host/node/keys.js';
import { nodePlatform } from '../host/node/platform.js';
import { AuditLog } from '../core/audit/audit-log.js';
import { auditHost } from '../host/node/state/audit-host.js';
import { openJournalled } from '../host/node/state/journalled-flash.js';
import { ReceiptStore } from '../service/receipts.js';
import { trustMaker } from '../service/trust-maker.js';
import { UpdateService } from '../service/update-service.js';
import type { ServeSettings } from './settings.js';
import type { ServiceOptions } from '../service/service-options.js';

/**
 * The service behind the protocols, on the flash and with the keys that the settings name.
 * @throws SluiceError ERR_TRUST_NO_KEYS, ERR_FLASH_*, ERR_USAGE_*
 */
export async function openUpdateService(
  { flash, keys, guard, trust, weakestTrust, forceMounted, state, resumeWithin, resumeLimit }: ServeSettings,
  folder: string,
  log: ServiceOptions['log'],
): Promise<UpdateService> {
  const platform = await nodePlatform();
  // Found out now, not by the first sender.
  if (trust !== 'unsigned') await loadKeys(keys, platform);
  const audit = new AuditLog(auditHost, folder);
  // A full file system must not be what keeps a board from its update, unless a journal was asked for.
  const without =
    state === undefined ? (error: unknown) => log('warn', 'this update has no journal', error) : undefined;
  return UpdateService.open({
    platform,
    open: (options) =>
      openJournalled(flash, {
        ...options,
        forceMounted,
        place: { kind: 'folder', path: folder },
        // What only reads needs none.
        without: options.write ? without : () => {},
      }),
    audit: ({ from, receipt, at }) => void audit.append(from, receipt, at),
    resumeLimit,
    trust: trustMaker({ platform, keys: () => loadKeys(keys, platform), rules: guard }),
    policy: trust,
    weakest: weakestTrust,
    forceMounted,
    machine: guard.machine,
    receipts: new ReceiptStore(folder),
    resumeWithin,
    log,
  });
}
