/** The roles, as Redfish names them. */
export const ROLES = ['Administrator', 'Operator', 'ReadOnly'] as const;

/** What a sender may do: everything of `read`, or of `read` and `write`. */
export type Right = 'read' | 'write';

/** Somebody who has proven who they are. */
export interface Principal {
  readonly name: string;
  /** Redfish roles: ReadOnly may `read`, Operator and Administrator may `write` too. */
  readonly role: (typeof ROLES)[number];
}

/** Whether a role goes as far as a right. */
export const mayDo = ({ role }: Principal, right: Right): boolean => right === 'read' || role !== 'ReadOnly';
