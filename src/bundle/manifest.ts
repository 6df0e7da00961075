/** MANIFEST as read (reference: phosphor-bmc-code-mgmt bmc/version.cpp). */
export interface Manifest {
  readonly purpose: string;
  readonly version: string;
  readonly machine: string | null;
  readonly hashType: string | null;
  readonly keyType: string | null;
  readonly extendedVersion: string | null;
}
