/** A flash device that passes everything to another one; tests override the members that they change. */
import type { FlashDevice } from '../../src/core/flash/device.js';

/** Members of the contract with their kinds. A member that is new to the contract is missing here and fails to compile. */
const MEMBERS: { readonly [Name in keyof Required<FlashDevice>]: 'value' | 'call' } = {
  name: 'value',
  geometry: 'value',
  read: 'call',
  erase: 'call',
  program: 'call',
  compare: 'call',
  replace: 'call',
  isMapped: 'call',
  rewrite: 'value',
  isBad: 'call',
  markBad: 'call',
  unlock: 'call',
  eccStats: 'call',
  estimate: 'call',
  sync: 'call',
  close: 'call',
};

type Name = keyof FlashDevice;
const MEMBER_LIST = Object.entries(MEMBERS) as [Name, 'value' | 'call'][];

/** Has an optional member of the contract if the inner device has it, or if a subclass adds it. */
// The constructor and the prototype below make the members.
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface DeviceWrapper extends FlashDevice {}

export class DeviceWrapper {
  constructor(readonly inner: FlashDevice) {
    for (const [name, kind] of MEMBER_LIST) {
      const inherited = this[name] === DeviceWrapper.prototype[name];
      // What the inner device does not have is hidden, and not a method that fails.
      if (inherited && (kind === 'value' || inner[name] === undefined)) setMember(this, name, inner[name]);
    }
  }
}

// On the prototype, for `super.read()`.
for (const [name, kind] of MEMBER_LIST) {
  if (kind !== 'call') continue;
  setMember(DeviceWrapper.prototype, name, function (this: DeviceWrapper, ...args: unknown[]): unknown {
    return Reflect.apply(this.inner[name] as (...args: unknown[]) => unknown, this.inner, args);
  });
}

function setMember(on: DeviceWrapper, name: Name, value: unknown): void {
  Object.defineProperty(on, name, { value, writable: true, configurable: true, enumerable: true });
}
