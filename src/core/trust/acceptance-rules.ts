/**
 * Guards against the wrong board and against rollback: what a bundle says of itself, once that is proven,
 * against what this board takes.
 *
 * @packageDocumentation
 */
import type { BlockIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import { SluiceError } from '../errors.js';
import { compareVersions, parseVersion } from './version.js';
import { quote } from '../text.js';

/** What this board takes. */
export interface AcceptanceRules {
  /** Name of this machine; `any` when it does not matter; null when it is not known. */
  readonly machine: string | 'any' | null;
  /** Lowest version, in a form that can be compared. */
  readonly minimumVersion?: string | undefined;
  /** Lowest security version, an integer from 0. */
  readonly minimumSecurityVersion?: number | undefined;
}

const PURPOSE = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';

/**
 * Checks the guard itself, before any byte is taken.
 * @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN when this machine is not known, ERR_USAGE_OPTION when a minimum
 *   is not one that anything could be compared with
 */
export function requireRules(guard: AcceptanceRules): void {
  if (guard.machine === null || guard.machine === '') {
    throw new SluiceError('ERR_TRUST_MACHINE_UNKNOWN', 'It is not known which machine this is.');
  }
  const { minimumVersion, minimumSecurityVersion } = guard;
  if (minimumVersion !== undefined && parseVersion(minimumVersion) === null) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      `The minimum version ${quote(minimumVersion)} is not one that can be compared.`,
    );
  }
  if (
    minimumSecurityVersion !== undefined &&
    !(Number.isSafeInteger(minimumSecurityVersion) && minimumSecurityVersion >= 0)
  ) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      `The minimum security version ${minimumSecurityVersion} is not a whole number from 0.`,
    );
  }
}

/** @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN, ERR_TRUST_MACHINE */
export function checkMachine(guard: AcceptanceRules, machine: string | null): void {
  requireRules(guard);
  if (guard.machine === 'any') return;
  if (machine === null || machine === '') {
    throw new SluiceError(
      'ERR_TRUST_MACHINE_UNKNOWN',
      `The bundle does not say which machine it is for; this one is ${guard.machine}.`,
    );
  }
  if (machine !== guard.machine) {
    throw new SluiceError(
      'ERR_TRUST_MACHINE',
      `The bundle is for ${quote(machine)}; this machine is ${guard.machine}.`,
    );
  }
}

/** @throws SluiceError ERR_TRUST_VERSION */
export function checkVersion(guard: AcceptanceRules, text: string | null): void {
  if (guard.minimumVersion === undefined) return;
  const minimum = parseVersion(guard.minimumVersion);
  const version = text === null ? null : parseVersion(text);
  if (minimum === null || version === null) {
    throw new SluiceError(
      'ERR_TRUST_VERSION',
      `The bundle has ${text === null ? 'no version' : `the version ${quote(text)}`}, which cannot be compared with the minimum ${guard.minimumVersion}.`,
    );
  }
  if (compareVersions(version, minimum) < 0) {
    throw new SluiceError(
      'ERR_TRUST_VERSION',
      `The bundle has the version ${text}, which is older than the minimum ${guard.minimumVersion}.`,
    );
  }
}

/** @throws SluiceError ERR_TRUST_SECURITY_VERSION */
export function checkSecurityVersion(guard: AcceptanceRules, version: number | null): void {
  const minimum = guard.minimumSecurityVersion;
  if (minimum === undefined) return;
  if (version === null || !(version >= minimum)) {
    throw new SluiceError(
      'ERR_TRUST_SECURITY_VERSION',
      version === null
        ? `The bundle has no security version; the minimum is ${minimum}.`
        : `The bundle has the security version ${version}; the minimum is ${minimum}.`,
    );
  }
}

/**
 * Checks what MANIFEST says. The security version is not in it.
 * @throws SluiceError ERR_TRUST_PURPOSE, ERR_TRUST_MACHINE, ERR_TRUST_MACHINE_UNKNOWN, ERR_TRUST_VERSION
 */
export function checkManifest(guard: AcceptanceRules, manifest: Manifest): void {
  checkMachine(guard, manifest.machine);
  if (manifest.purpose !== PURPOSE) {
    throw new SluiceError('ERR_TRUST_PURPOSE', `The bundle's purpose is ${quote(manifest.purpose)}.`);
  }
  checkVersion(guard, manifest.version);
}

/**
 * Checks what BLOCKS says of the bundle, and that MANIFEST, where there is one, says the same.
 * @throws SluiceError ERR_TRUST_INDEX, and what the single checks throw
 */
export function checkIndex(guard: AcceptanceRules, index: BlockIndex, manifest: Manifest | null): void {
  if (manifest !== null && (index.machine !== manifest.machine || index.version !== manifest.version)) {
    throw new SluiceError(
      'ERR_TRUST_INDEX',
      `BLOCKS is for ${quote(index.machine)} ${quote(index.version)}, MANIFEST for ${quote(manifest.machine ?? '')} ${quote(manifest.version)}.`,
      { member: 'BLOCKS' },
    );
  }
  checkMachine(guard, index.machine);
  checkVersion(guard, index.version);
  checkSecurityVersion(guard, index.securityVersion);
}
