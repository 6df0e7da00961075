import type { Socket } from 'node:net';

/** What Node's HTTP parser calls: properties with numbers for names. */
type Callbacks = Record<string, { readonly name?: string } | undefined>;

/**
 * Makes Node's parser of a connection, which reads on to the end of what it was given, make nothing of the rest of it:
 * without its callbacks that costs next to nothing. To be called from one of them, when the connection is given up.
 * @returns gives the callbacks back. To be called before the parser can be given to another connection; the end of the
 *   turn of the event loop does it too
 */
export function silenceParser(socket: Socket): () => void {
  const { parser } = socket as Socket & { parser?: Callbacks | null };
  if (parser === null || parser === undefined) return () => {};
  const taken: Callbacks = {};
  for (const [slot, callback] of Object.entries(parser)) {
    if (
      typeof callback === 'function' &&
      callback.name?.startsWith('parserOn') === true &&
      /^\d+$/.test(slot)
    ) {
      taken[slot] = callback;
      parser[slot] = undefined;
    }
  }
  const give = (): void => void Object.assign(parser, taken);
  setImmediate(give);
  return give;
}
