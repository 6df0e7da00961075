// Mutants that no test sees, each with the reason why that is right. `line` is a part of the line that it is in; where
// one line has several, `replacement` says which. An entry that fits no survivor any more does no harm.
const message = 'It is a part of a message for people; tests match on codes.';
const same = 'The same for every value that can come here: ';
const slower = 'The same, only slower.';
const room =
  'Only how much room is set aside ahead of time: what does not fit makes more, and nothing shows it.';

export const EXPLAINED = [
  {
    file: 'src/core/trust/openbmc-trust.ts',
    line: 'this.#received.blocks = { index };',
    why: 'Only lets go of bytes that have served; what is left is asked for nothing but that it is there.',
  },
  {
    file: 'src/core/trust/full-signature.ts',
    line: '(isImageName(name) &&',
    why: `${same}there is no index before the head is proven, so that MANIFEST.sig and publickey.sig are there.`,
  },
  {
    file: 'src/core/trust/acceptance-rules.ts',
    line: 'const version = text === null ? null : parseVersion(text);',
    why: `${same}no version has the text "null" either.`,
  },
  { file: 'src/core/trust/manifest-parts.ts', line: "const label = 'publickey of the bundle'", why: message },
  {
    file: 'src/core/trust/verifier.ts',
    line: "this.#verify('sha512', bytes, signature)",
    why: 'Pure Ed25519 takes the bytes themselves; the name of the hash is not looked at.',
  },
  {
    file: 'src/core/trust/version.ts',
    line: "const [tail = '', dev, candidate, commits = '0'] = TAIL.exec(text) ?? [];",
    why: `${same}the expression always matches, at the end at least, and Number('') is 0 like Number('0').`,
  },
  {
    file: 'src/core/trust/version.ts',
    line: 'for (let i = 0; i < Math.max(group.length, other.length); i++)',
    why: `${same}behind the last number both versions have a 0.`,
  },
  {
    file: 'src/core/update/write/bits.ts',
    line: 'if (bytes.byteOffset % WORD !== 0) return from;',
    replacement: 'bytes.byteOffset * WORD',
    why: slower,
  },
  { file: 'src/core/update/write/bits.ts', line: 'const aligned =', replacement: 'false', why: slower },
  {
    file: 'src/core/update/write/bits.ts',
    line: 'const aligned =',
    replacement: 'have.byteOffset * WORD',
    why: slower,
  },
  {
    file: 'src/core/update/write/bits.ts',
    line: 'const aligned =',
    replacement: 'want.byteOffset * WORD',
    why: slower,
  },
  {
    file: 'src/core/update/write/page-runs.ts',
    line: 'for (let at = 0; at < length; at += page)',
    replacement: 'at <= length',
    why: `${same}a page of no bytes is held.`,
  },
  {
    file: 'src/core/update/write/page-runs.ts',
    line: 'if (have === null && at < last)',
    replacement: 'at <= last',
    why: `${same}the last page is where it would go to.`,
  },
  {
    file: 'src/core/update/write/page-runs.ts',
    line: 'while (at < length && !holds(at))',
    replacement: 'at <= length',
    why: `${same}a page of no bytes is held.`,
  },
  {
    file: 'src/core/update/resume/suspect-blocks.ts',
    line: 'for (let at = 0; at < partition.size; at += eraseSize)',
    replacement: 'at <= partition.size',
    why: `${same}a block behind the partition is not added.`,
  },
  {
    file: 'src/core/update/resume/suspect-blocks.ts',
    line: 'else list?.push(block);',
    replacement: 'list.push',
    why: `${same}partitions of this flash are not elsewhere.`,
  },
  {
    file: 'src/core/update/resume/journal.ts',
    line: "const anew = 'the journal is damaged",
    why: message,
  },
  {
    file: 'src/core/update/write/bits.ts',
    line: 'for (let i = 0; i < want.length; i++)',
    replacement: 'i <= want.length',
    why: `${same}behind the last one both have none, and of that no bit is wanted.`,
  },
  {
    file: 'src/core/update/plan/block-set.ts',
    line: 'block < this.#bits.length * 8',
    replacement: 'block <= this.#bits.length * 8',
    why: `${same}a block behind the last bit is none that was added.`,
  },
  {
    file: 'src/core/update/plan/block-set.ts',
    line: 'Math.max(at + 1, this.#bits.length * 2)',
    replacement: 'this.#bits.length / 2',
    why: room,
  },
  {
    file: 'src/core/update/receive/digest-list.ts',
    line: '#bytes = new Uint8Array(64 * DIGEST)',
    replacement: '64 / DIGEST',
    why: room,
  },
  {
    file: 'src/core/update/receive/digest-list.ts',
    line: 'if ((index + 1) * DIGEST > this.#bytes.length)',
    replacement: '(index + 1) * DIGEST >= this.#bytes.length',
    why: room,
  },
  {
    file: 'src/core/update/receive/digest-list.ts',
    line: 'Math.max(this.#bytes.length * 2, (index + 1) * DIGEST)',
    replacement: 'this.#bytes.length / 2',
    why: room,
  },
  {
    file: 'src/core/update/write/block-reader.ts',
    line: "return 'differs'",
    replacement: '""',
    why: `${same}what is neither same nor clears, differs.`,
  },
  {
    file: 'src/core/update/write/block-reader.ts',
    line: "? 'differs' : match",
    replacement: '""',
    why: `${same}what is neither same nor clears, differs.`,
  },
  {
    file: 'src/core/update/write/block-reader.ts',
    line: 'const failed = stats === UNSUPPORTED ? 0 : stats.failed;',
    replacement: 'false',
    why: `${same}a device that cannot tell never can, and no count is like no count.`,
  },
  {
    file: 'src/core/update/check/check-pass.ts',
    line: 'const slices: Slice[] = [];',
    why: 'A slice that is no object has no range: no byte is handed to it.',
  },
  {
    file: 'src/core/update/plan/good-blocks.ts',
    line: 'if (block !== undefined && index < this.count)',
    why: `${same}there is no block exactly where the index is not below the count.`,
  },
  { file: 'src/core/update/plan/good-blocks.ts', line: 'throw this.#tooFew(index + 1)', why: message },
  {
    file: 'src/core/update/plan/good-blocks.ts',
    line: 'this.#good?.splice(index, 1)',
    why: `${same}a block is retired only where \`replaces\` says that there is a list.`,
  },
  {
    file: 'src/core/bundle/decode/decode-chain.ts',
    line: "length === 0 ? 'the source is empty'",
    why: message,
  },
  {
    file: 'src/core/update/receive/image-stream.ts',
    line: 'if (start < offset || start >= end) continue;',
    replacement: 'start > end',
    why: `${same}at the end of a slice no bytes are left for it.`,
  },
  { file: 'src/core/update/receive/image-stream.ts', line: 'const how = this.#size > size', why: message },
  {
    file: 'src/core/update/receive/image-stream.ts',
    line: 'const where = block === undefined',
    why: message,
  },
  {
    file: 'src/core/update/receive/image-stream.ts',
    line: "? (['ERR_SOURCE_CHANGED', ' in the first reading'] as const)",
    replacement: '""',
    why: message,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: 'if (version !== undefined && Number(version) > VERSION)',
    why: `${same}no number that is missing is larger than any.`,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: 'if (version === undefined || end === 0 ||',
    why: `${same}where there is no end the whole text would have to be one.`,
  },
  ...["exec(bundle ?? '')", "exec(proven ?? '')", "exec(counts ?? '')", "exec(kind ?? '')"].map((line) => ({
    file: 'src/core/update/resume/journal-record.ts',
    line,
    replacement: '"Stryker was here!"',
    why: `${same}this text is no such line either.`,
  })),
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: "const [, word = '', first = '', more] =",
    why: `${same}without a match the line is refused by its word, which is none of those that are known.`,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: 'exec(line) ?? [];',
    why: `${same}the first of a match is passed over.`,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: 'if (/^\\d/.test(word)) {',
    why: `${same}the word is of digits or of letters.`,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: "else if (word === 'suspect') {",
    why: `${same}what is neither has no list that could be read.`,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: "more === 'all' ? null : parseRuns(more ?? '', room)",
    why: `${same}suspects have a list by now.`,
  },
  {
    file: 'src/core/update/resume/journal-record.ts',
    line: 'exec(run) ?? [];',
    why: `${same}the first of a match is passed over.`,
  },
  {
    file: 'src/core/update/resume/journal.ts',
    line: '#recordIsStale = false;',
    why: `${same}the first change of a session is recorded in any case.`,
  },
  {
    file: 'src/core/update/resume/journal.ts',
    line: 'return this.#resumes ? (this.#last?.attempt ?? 0) + 1 : 1;',
    why: `${same}what is resumed is there.`,
  },
  {
    file: 'src/core/update/plan/in-use-check.ts',
    line: 'whole !== undefined && this.#forced.has(whole)',
    replacement: 'true',
    why: `${same}no name that is forced is undefined; the condition is for the compiler.`,
  },
  {
    file: 'src/core/update/plan/routes.ts',
    line: 'readonly #taken: Partition[] = [];',
    why: `${same}a text lies on no chip, so that nothing meets it.`,
  },
  {
    file: 'src/core/update/plan/routes.ts',
    line: 'if (size === null || size <=',
    replacement: 'false',
    why: `${same}null is no more than any size.`,
  },
  {
    file: 'src/core/update/session.ts',
    line: 'if (this.#error === null) await this.#run(this.#steps.prove(waits));',
    replacement: 'true',
    why: `${same}after an error the job is halted and refuses to finish, and the first error stays.`,
  },
  {
    file: 'src/core/update/write/volume-writer.ts',
    line: "const what = 'the read back differs",
    why: message,
  },
  {
    file: 'src/core/update/write/volume-writer.ts',
    line: 'Math.min(image.blockSize, image.size)',
    why: 'Only the memory that it takes; each block is read into as much of it as the block has.',
  },
];
