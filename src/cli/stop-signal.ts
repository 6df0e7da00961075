import { note } from './print.js';

/**
 * An AbortSignal for SIGINT, SIGTERM and SIGHUP. On the first signal the update stops between two flash operations.
 * The second signal has its default action and ends a process that hangs.
 */
export function stopSignal(
  quiet = false,
  names: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): AbortSignal {
  const controller = new AbortController();
  for (const name of names) {
    process.once(name, () => {
      if (!quiet) note(`sluice: ${name}: stopping after the current flash operation`);
      controller.abort();
    });
  }
  return controller.signal;
}
