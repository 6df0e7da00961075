/** The roles, as Redfish names them. */
export const ROLES = ['Administrator', 'Operator', 'ReadOnly'] as const;

/** What a client is allowed to do; `write` includes `read`. */
export type Right = 'read' | 'write';

/** An authenticated client. */
export interface Principal {
  readonly name: string;
  /** ReadOnly may `read`; Operator and Administrator may also `write`. */
  readonly role: (typeof ROLES)[number];
}

/** Whether the role of a client includes a right. */
export const mayDo = ({ role }: Principal, right: Right): boolean => right === 'read' || role !== 'ReadOnly';
