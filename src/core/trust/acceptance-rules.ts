/**
 * Rules against the wrong machine and against rollback: they compare what a verified bundle says about itself with what
 * this machine accepts.
 *
 * @packageDocumentation
 */
import type { BlockIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import { SluiceError } from '../errors.js';
import { checkSameBundle } from './index-check.js';
import { compareVersions, parseVersion } from './version.js';
import { quote } from '../text.js';

/** What this machine accepts. */
export interface AcceptanceRules {
  /** Name of this machine; `any` to accept bundles for every machine; null if it is unknown. */
  readonly machine: string | 'any' | null;
  /** Lowest version, in a form that `parseVersion` reads. */
  readonly minimumVersion?: string | undefined;
  /** Lowest security version, an integer from 0. */
  readonly minimumSecurityVersion?: number | undefined;
}

const PURPOSE = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';

/**
 * Checks the rules themselves, before any byte of a bundle is read.
 * @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN if this machine is unknown, ERR_USAGE_OPTION if a minimum is malformed
 */
export function requireRules(rules: AcceptanceRules): void {
  if (rules.machine === null || rules.machine === '') {
    throw new SluiceError('ERR_TRUST_MACHINE_UNKNOWN', 'the name of this machine is unknown');
  }
  const { minimumVersion, minimumSecurityVersion } = rules;
  if (minimumVersion !== undefined && parseVersion(minimumVersion) === null) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      `minimum version ${quote(minimumVersion)} is not a version number`,
    );
  }
  if (
    minimumSecurityVersion !== undefined &&
    !(Number.isSafeInteger(minimumSecurityVersion) && minimumSecurityVersion >= 0)
  ) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      `minimum security version ${minimumSecurityVersion} is not a whole number from 0`,
    );
  }
}

/** @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN, ERR_TRUST_MACHINE */
export function checkMachine(rules: AcceptanceRules, machine: string | null): void {
  requireRules(rules);
  if (rules.machine === 'any') return;
  if (machine === null || machine === '') {
    throw new SluiceError(
      'ERR_TRUST_MACHINE_UNKNOWN',
      `the bundle names no machine; this machine is ${rules.machine}`,
    );
  }
  if (machine !== rules.machine) {
    throw new SluiceError(
      'ERR_TRUST_MACHINE',
      `the bundle is for machine ${quote(machine)}, and this machine is ${rules.machine}`,
    );
  }
}

/** @throws SluiceError ERR_TRUST_VERSION */
export function checkVersion(rules: AcceptanceRules, text: string | null): void {
  if (rules.minimumVersion === undefined) return;
  const minimum = parseVersion(rules.minimumVersion);
  const version = text === null ? null : parseVersion(text);
  const order = minimum === null || version === null ? null : compareVersions(version, minimum);
  if (order === null) {
    throw new SluiceError(
      'ERR_TRUST_VERSION',
      text === null
        ? `the bundle has no version; the minimum is ${rules.minimumVersion}`
        : `version ${quote(text)} of the bundle cannot be compared with the minimum ${rules.minimumVersion}`,
    );
  }
  if (order < 0) {
    throw new SluiceError(
      'ERR_TRUST_VERSION',
      `bundle version ${text} is older than the minimum ${rules.minimumVersion}`,
    );
  }
}

/** @throws SluiceError ERR_TRUST_SECURITY_VERSION */
export function checkSecurityVersion(rules: AcceptanceRules, version: number | null): void {
  const minimum = rules.minimumSecurityVersion;
  if (minimum === undefined) return;
  if (version === null || !(version >= minimum)) {
    throw new SluiceError(
      'ERR_TRUST_SECURITY_VERSION',
      version === null
        ? `the bundle has no security version; the minimum is ${minimum}`
        : `security version ${version} of the bundle is below the minimum ${minimum}`,
    );
  }
}

/**
 * Checks MANIFEST, which has no security version.
 * @throws SluiceError ERR_TRUST_PURPOSE, ERR_TRUST_MACHINE, ERR_TRUST_MACHINE_UNKNOWN, ERR_TRUST_VERSION
 */
export function checkManifest(rules: AcceptanceRules, manifest: Manifest): void {
  checkMachine(rules, manifest.machine);
  if (manifest.purpose !== PURPOSE) {
    throw new SluiceError(
      'ERR_TRUST_PURPOSE',
      `the purpose of the bundle is ${quote(manifest.purpose)}, not ${quote(PURPOSE)}`,
    );
  }
  checkVersion(rules, manifest.version);
}

/**
 * Checks what BLOCKS says about the bundle, and that MANIFEST, if there is one, says the same.
 * @throws SluiceError ERR_TRUST_INDEX, and the errors of each check
 */
export function checkIndex(rules: AcceptanceRules, index: BlockIndex, manifest: Manifest | null): void {
  checkSameBundle(index, manifest);
  checkMachine(rules, index.machine);
  checkVersion(rules, index.version);
  checkSecurityVersion(rules, index.securityVersion);
}
