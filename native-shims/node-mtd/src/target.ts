/**
 * Names of the builds that this process can load, the best one first. Those for ARMv7 use instructions that an
 * ARMv6 lacks, so that Node's own build has to say which it is.
 */
export function targets(arch: string, armVersion: unknown): readonly string[] {
  if (arch !== 'arm') return [`linux-${arch}`];
  return Number(armVersion) >= 7 ? ['linux-armv7', 'linux-armv6'] : ['linux-armv6'];
}
