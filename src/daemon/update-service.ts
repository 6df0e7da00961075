import { keysVersion, loadKeys } from '../host/node/keys.js';
import { nodePlatform } from '../host/node/platform.js';
import { openJournalled } from '../host/node/state/journalled-flash.js';
import { ReceiptStore } from '../service/receipts.js';
import { trustMaker } from '../service/trust-maker.js';
import { UpdateService } from '../service/update-service.js';
import { auditTo } from './audit.js';
import type { ServeSettings } from './settings.js';
import type { ServiceOptions } from '../service/service-options.js';

/**
 * Opens the update service for the flash and the keys of the settings.
 * @throws SluiceError ERR_TRUST_NO_KEYS, ERR_FLASH_*, ERR_USAGE_*
 */
export async function openUpdateService(
  { flash, keys, guard, trust, weakestTrust, forceMounted, state, resumeWithin, resumeLimit }: ServeSettings,
  folder: string,
  log: ServiceOptions['log'],
): Promise<UpdateService> {
  const platform = await nodePlatform();
  // Reports missing keys at the start, not at the first update.
  if (trust !== 'unsigned') await loadKeys(keys, platform);
  // Unless the state folder was set, a full file system must not prevent an update.
  const without =
    state === undefined ? (error: unknown) => log('warn', 'update has no journal', error) : undefined;
  return UpdateService.open({
    platform,
    open: (options) =>
      openJournalled(flash, {
        ...options,
        forceMounted,
        place: { kind: 'folder', path: folder },
        // A check needs no journal.
        without: options.write ? without : () => {},
      }),
    audit: auditTo(folder),
    resumeLimit,
    trust: trustMaker({ platform, keys: () => loadKeys(keys, platform), rules: guard }),
    keysVersion: () => keysVersion(keys),
    policy: trust,
    weakest: weakestTrust,
    forceMounted,
    machine: guard.machine,
    receipts: new ReceiptStore(folder),
    resumeWithin,
    log,
  });
}
