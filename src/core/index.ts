/**
 * The portable core: everything between received bytes and a flash device, without Node. It runs in any ES2022 engine
 * with a Platform.
 *
 * @packageDocumentation
 */
export * from './errors.js';
export type * from './platform.js';
export type * from './flash/device.js';
export { UNSUPPORTED } from './flash/device.js';
export * from './sim/index.js';
export type { Trust, TrustPolicy, Proof, Digests } from './trust/trust.js';
export { OpenBmcTrust } from './trust/openbmc-trust.js';
export { SingleImageTrust } from './trust/single-image-trust.js';
export { UnsignedTrust } from './trust/unsigned-trust.js';
export { KeyStore, systemKey, type SystemKey } from './trust/key-store.js';
export type { AcceptanceRules } from './trust/acceptance-rules.js';
export { UpdateSession, type SessionOptions } from './update/session.js';
export { CheckPass, type CheckOptions, type CheckResult } from './update/check/check-pass.js';
export type { Receipt, PartitionReceipt, Outcome, BundleKind, ProvenBy } from './update/report/receipt.js';
export type { Observer, BlockState, Phase } from './update/report/observer.js';
export type { BlockIndex, ImageIndex } from './bundle/block-index.js';
export type { Manifest } from './bundle/manifest.js';
