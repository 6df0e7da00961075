import type { Route } from '../http/exchange.js';
import type { RedfishOptions } from './options.js';
import type { Redfish } from './redfish.js';

/** Everything under /redfish. What answers there is loaded at the first request. */
export function redfishRoutes(options: RedfishOptions): readonly Route[] {
  let loading: Promise<Redfish> | null = null;
  const load = async (): Promise<Redfish> => {
    const { Redfish } = await import('./redfish.js');
    return new Redfish(options);
  };
  const handle: Route['handle'] = async (exchange) => {
    loading ??= load();
    await (await loading).answer(exchange);
  };
  // It asks for credentials itself, as its service root is open to everybody.
  return [
    { method: '*', path: '/redfish', right: null, handle },
    { method: '*', path: '/redfish/*', right: null, handle },
  ];
}
