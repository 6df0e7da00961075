import type { Principal } from '../exchange.js';

/** The roles, as Redfish names them. */
export const ROLES = [
  'Administrator',
  'Operator',
  'ReadOnly',
] as const satisfies readonly Principal['role'][];
