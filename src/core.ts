/**
 * The portable core: everything between bytes that arrive and a flash device, with nothing of Node in it. It
 * runs in any ES2022 engine that is handed a Platform.
 *
 * @packageDocumentation
 */
export * from './errors.js';
export type * from './platform.js';
export type * from './flash/device.js';
export { UNSUPPORTED } from './flash/device.js';
export * from './flash/sim/index.js';
export type { Trust, TrustPolicy, Proof, Digests } from './trust/contract.js';
export { TrustChain } from './trust/chain.js';
export { SingleTrust } from './trust/single.js';
export { UnsignedTrust } from './trust/unsigned.js';
export { KeyStore, systemKey, type SystemKey } from './trust/key-store.js';
export type { Guard } from './trust/guard.js';
export { UpdateSession, type SessionOptions } from './update/session.js';
export { CheckPass, type CheckOptions, type CheckResult } from './update/check-pass.js';
export type { Receipt, PartitionReceipt, Outcome, BundleKind, ProvenBy } from './update/receipt.js';
export type { Observer, BlockState, Phase } from './update/observer.js';
export type { BlockIndex, ImageIndex } from './bundle/blocks.js';
export type { Manifest } from './bundle/manifest.js';
