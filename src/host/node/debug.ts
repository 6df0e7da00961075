import type { Platform } from '../../core/platform.js';

/**
 * The debug channel of this process: lines on standard error for the topics that NODE_DEBUG names, such as
 * `NODE_DEBUG=sluice:*` or `NODE_DEBUG=sluice:journal`. Undefined if it names none.
 */
export async function debugChannel(env: NodeJS.ProcessEnv = process.env): Promise<Platform['debug']> {
  if (!/(^|,)sluice(:|\*|,|$)/i.test(env['NODE_DEBUG'] ?? '')) return undefined;
  const { debuglog } = await import('node:util');
  return (topic, message) => debuglog(`sluice:${topic}`)('%s', message);
}
