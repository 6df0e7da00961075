/** Something that a guest needs and this machine does not have: the tests are skipped with this as the reason. */
export class Missing extends Error {
  override readonly name = 'Missing';
}
