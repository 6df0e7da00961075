import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestFiles } from './guest-files.js';

export interface BootOptions {
  readonly files: GuestFiles;
  /** Squashfs that the guest has at /opt/sluice. */
  readonly program: string;
  /** Folder that the guest has at /host; its files `run`, `ready` and `exit` are ours. */
  readonly share: string;
  /** Commands for the guest's shell. */
  readonly script: string;
  /** Raw image that the guest has as /dev/vdc. */
  readonly disk?: string;
  readonly memoryMiB: number;
  readonly processors: number;
  /** Seconds from start to power-off. */
  readonly limit: number;
  /** Called with what the serial console says, as it comes. */
  readonly onConsole?: (text: string) => void;
}

export interface Booted {
  /** Exit code of the script; null when the guest did not come so far. */
  readonly exit: number | null;
  /** What the serial console said. */
  readonly console: string;
  readonly seconds: number;
}

/** A guest that has not mounted its root by then never will: it takes 2 s on an idle machine. */
const READY_LIMIT = 60;

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Boots the guest, runs the script in it and waits until it has powered itself off. A guest that does not come up is
 * tried once more; one that comes up and then overstays its time is not.
 */
export async function bootGuest(options: BootOptions): Promise<Booted> {
  const first = await bootOnce(options);
  return existsSync(join(options.share, 'ready')) ? first : bootOnce(options);
}

async function bootOnce(options: BootOptions): Promise<Booted> {
  const { files, share } = options;
  for (const name of ['ready', 'exit']) rmSync(join(share, name), { force: true });
  writeFileSync(join(share, 'run'), options.script);
  const started = performance.now();
  const guest = spawn(files.qemu, qemuArguments(options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  guest.stdout.on('data', (bytes: Buffer) => {
    said.push(bytes);
    options.onConsole?.(bytes.toString('latin1'));
  });
  guest.stderr.on('data', (bytes: Buffer) => said.push(bytes));
  const kill = (): void => void guest.kill('SIGKILL');
  const limit = setTimeout(kill, options.limit * 1000);
  const ready = setTimeout(() => {
    if (!existsSync(join(share, 'ready'))) kill();
  }, READY_LIMIT * 1000);
  process.once('exit', kill);
  // A signal ends a process without that event; with a listener it is ours to end it.
  const leave = (): void => process.exit(1);
  for (const signal of ENDING) process.once(signal, leave);
  try {
    await new Promise<void>((resolve, reject) => {
      guest.on('error', reject);
      guest.on('close', () => resolve());
    });
  } finally {
    clearTimeout(limit);
    clearTimeout(ready);
    process.off('exit', kill);
    for (const signal of ENDING) process.off(signal, leave);
  }
  const exit = join(share, 'exit');
  return {
    exit: existsSync(exit) ? Number(readFileSync(exit, 'latin1')) : null,
    console: Buffer.concat(said).toString('latin1').replaceAll('\r', ''),
    seconds: (performance.now() - started) / 1000,
  };
}

function qemuArguments({ files, program, share, disk, memoryMiB, processors }: BootOptions): string[] {
  const drive = (name: string, file: string, readonly: boolean): string[] => [
    '-drive',
    `file=${file.replaceAll(',', ',,')},format=raw,if=none,id=${name},readonly=${readonly ? 'on' : 'off'}`,
    '-device',
    `virtio-blk-pci,drive=${name}`,
  ];
  const fixed = [
    // Emulation, said explicitly: a /dev/kvm that is there and does not work is common where tests run.
    // A processor without AVX and SHA instructions: emulating the former takes OpenSSL four times as long as doing
    // without (32 MiB of SHA-256: 1.3 s, 4.7 s with -cpu max), and every peer that hashes would be measured by it.
    '-machine q35 -accel tcg -cpu qemu64',
    `-m ${memoryMiB} -smp ${processors}`,
    '-nodefaults -no-user-config -no-reboot -display none -serial stdio',
    // The guest reaches this machine's loopback as 10.0.2.2. Without a boot ROM, which is a package of its own.
    '-netdev user,id=net -device virtio-net-pci,netdev=net,romfile=',
    '-device virtio-9p-pci,fsdev=host,mount_tag=host',
  ];
  const paths = [
    ['-kernel', files.kernel],
    ['-initrd', files.initramfs],
    ['-append', 'console=ttyS0 quiet panic=-1 mitigations=off audit=0'],
    ['-fsdev', `local,id=host,path=${share.replaceAll(',', ',,')},security_model=none`],
    drive('root', files.root, true),
    drive('program', program, true),
    disk === undefined ? [] : drive('disk', disk, false),
  ];
  return [...fixed.flatMap((line) => line.split(' ')), ...paths.flat()];
}
