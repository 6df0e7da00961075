// The newest Node for armv7 that npm has is 20.11, and sluice asks for 20.12 because of one function, crypto.hash. This
// gives it to the older one, so that it can be tested there; a board takes Node 20.12 or newer (docs/porting.md).
const crypto = require('node:crypto');
crypto.hash ??= (algorithm, data, encoding = 'hex') => {
  const hasher = crypto.createHash(algorithm).update(data);
  return encoding === 'buffer' ? hasher.digest() : hasher.digest(encoding);
};
