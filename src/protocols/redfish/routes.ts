import type { Mount, RouteGroup } from '../http/route-group.js';
import type { RedfishOptions } from './options.js';

/** Everything under /redfish, loaded at the first request. */
export function redfishMount(options: RedfishOptions): Mount {
  let loading: Promise<RouteGroup> | null = null;
  const load = async (): Promise<RouteGroup> => {
    const { Redfish } = await import('./redfish.js');
    return new Redfish(options).group;
  };
  return { path: '/redfish', group: () => (loading ??= load()) };
}
