import { readFileSync } from 'node:fs';

/** Name of this machine in an OpenBMC build (OPENBMC_TARGET_MACHINE of os-release), or null. */
export function machineOfThisBoard(path = '/etc/os-release'): string | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const line = /^OPENBMC_TARGET_MACHINE=(.*)$/m.exec(text);
  return line?.[1]?.replace(/^(["'])(.*)\1$/, '$2') || null;
}
