/**
 * Names of the builds that a process can load, best first. Builds for ARMv7 use instructions that ARMv6 lacks. Both
 * have the arch `arm`, so the version that Node itself was built for decides.
 * @param arch - process.arch
 * @param armVersion - `arm_version` of process.config.variables
 */
export function targets(arch: string, armVersion: unknown): readonly string[] {
  if (arch !== 'arm') return [`linux-${arch}`];
  return Number(armVersion) >= 7 ? ['linux-armv7', 'linux-armv6'] : ['linux-armv6'];
}
