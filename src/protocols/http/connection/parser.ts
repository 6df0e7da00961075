import type { Socket } from 'node:net';

/** The callbacks of Node's HTTP parser: properties with numeric names. */
type Callbacks = Record<string, { readonly name?: string } | undefined>;

/**
 * Removes the callbacks from Node's parser of a connection that is being closed. The parser continues to the end of its
 * current input, and without callbacks that costs next to nothing. Call it from one of the callbacks.
 * @returns restores the callbacks. Must be called before Node can reuse the parser for another connection; it is also
 *   called at the end of this turn of the event loop
 */
export function silenceParser(socket: Socket): () => void {
  const { parser } = socket as Socket & { parser?: Callbacks | null };
  if (parser === null || parser === undefined) return () => {};
  const removed: Callbacks = {};
  for (const [slot, callback] of Object.entries(parser)) {
    if (
      typeof callback === 'function' &&
      callback.name?.startsWith('parserOn') === true &&
      /^\d+$/.test(slot)
    ) {
      removed[slot] = callback;
      parser[slot] = undefined;
    }
  }
  const restore = (): void => void Object.assign(parser, removed);
  setImmediate(restore);
  return restore;
}
