import type { Principal } from './roles.js';

/** Somebody who has a place, or wants one. */
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
 * Finds a place for one more. A single principal may have all of them, until others come: then who has most gives one
 * to who has fewer, and a lower role to a higher one. Nobody makes room for a lower role.
 * @param holders - those who have a place, the first to leave first
 * @param mayLeave - whether a holder may have to leave for an equal, such as one that has been quiet for long
 * @returns the one that leaves; null if a place is free, undefined if there is none
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
