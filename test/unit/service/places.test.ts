/** Who gets one of few places: sessions, watchers. */
import t from 'tap';
import { makePlace, type PlaceHolder } from '../../../src/service/places.js';
import type { Principal } from '../../../src/service/roles.js';

interface Holder extends PlaceHolder {
  readonly at: number;
}

const PLACES = 8;

const admin = { name: 'alice', role: 'Administrator' } as const;
const reader = { name: 'ro', role: 'ReadOnly' } as const;
const otherReader = { name: 'ro2', role: 'ReadOnly' } as const;

const holders = (...principals: (Principal | null)[]): Holder[] =>
  principals.map((principal, at) => ({ principal, at }));

const fill = (principal: Principal | null, count: number): (Principal | null)[] =>
  Array<Principal | null>(count).fill(principal);

const never = (): boolean => false;

t.test('one principal has all places until others come', async (t) => {
  const all = holders(...fill(reader, PLACES));
  t.equal(makePlace(all.slice(1), PLACES, { principal: reader }, never), null);
  t.equal(makePlace(all, PLACES, { principal: reader }, never), undefined);
  t.match(makePlace(all, PLACES, { principal: otherReader }, never), { at: 0 });
  t.match(makePlace(all, PLACES, { principal: admin }, never), { at: 0 });
});

t.test('equals share the places, and do not push each other out in turns', async (t) => {
  const half = holders(...fill(reader, 4), ...fill(otherReader, 4));
  for (const principal of [reader, otherReader])
    t.equal(makePlace(half, PLACES, { principal }, never), undefined);
});

t.test('a higher role has precedence, a lower one never', async (t) => {
  const readers = holders(...Array.from({ length: PLACES }, (_, n) => ({ ...reader, name: `ro${n}` })));
  t.match(makePlace(readers, PLACES, { principal: admin }, never), { at: 0 });
  const always = (): boolean => true;
  for (const principal of [reader, null])
    t.equal(makePlace(holders(...fill(admin, PLACES)), PLACES, { principal }, always), undefined);
  t.match(makePlace(holders(...fill(null, PLACES)), PLACES, { principal: reader }, never), { at: 0 });
});

t.test('one that may leave does so, but not for one that has more', async (t) => {
  const mixed = holders(otherReader, ...fill(reader, PLACES - 1));
  const quiet = ({ at }: Holder): boolean => at === 0 || at === 3;
  t.match(makePlace(mixed, PLACES, { principal: reader }, quiet), { at: 3 });
});
