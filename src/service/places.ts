import type { Principal } from './roles.js';

/** A client that has a place or requests one. */
export interface PlaceHolder {
  /** Null: a client without credentials. */
  readonly principal: Principal | null;
}

const RANKS = { ReadOnly: 1, Operator: 2, Administrator: 3 } as const;

const rankOf = ({ principal }: PlaceHolder): number => (principal === null ? 0 : RANKS[principal.role]);

/** Clients without credentials count as one. */
const isSame = (a: PlaceHolder, b: PlaceHolder): boolean =>
  a.principal?.name === b.principal?.name && a.principal?.role === b.principal?.role;

/**
 * Finds a place for another client. One principal may have all places until others request them. Then the principal with
 * the most places loses one to a principal with fewer, and a lower role loses one to a higher role. A role never loses a
 * place to a lower role.
 * @param holders - clients that have a place, the first to leave first
 * @param mayLeave - whether a holder may have to leave for an equal, for example after a long silence
 * @returns the holder that must leave; null if a place is free, undefined if there is none
 */
export function makePlace<H extends PlaceHolder>(
  holders: readonly H[],
  places: number,
  next: PlaceHolder,
  mayLeave: (holder: H) => boolean,
): H | null | undefined {
  if (holders.length < places) return null;
  const placesOf = (one: PlaceHolder): number => holders.filter((holder) => isSame(holder, one)).length;
  const own = placesOf(next);
  const rank = rankOf(next);
  const others = holders.filter((holder) => rankOf(holder) <= rank);
  const most = Math.max(0, ...others.map(placesOf));
  if (most > own + 1) return others.find((holder) => placesOf(holder) === most);
  const lowest = Math.min(...others.map(rankOf));
  if (lowest < rank) return others.find((holder) => rankOf(holder) === lowest);
  return others.find((holder) => placesOf(holder) >= own && mayLeave(holder));
}
