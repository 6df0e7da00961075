// Faults as people make them, which a mutation tester does not think of: a step forgotten, two in the wrong order, a
// compare with the wrong thing. `npm run test:seeded` puts each into a copy of its source (`from` must be there once)
// and expects a test to fail.
const block = 'src/core/update/write/block-writer.ts';
const reader = 'src/core/update/write/block-reader.ts';
const partition = 'src/core/update/write/partition-writer.ts';
const plan = 'src/core/update/write-plan.ts';
const job = 'src/core/update/session-steps.ts';
const stream = 'src/core/update/receive/image-stream.ts';
const volume = 'src/core/update/write/volume-writer.ts';
const journal = 'src/core/update/resume/journal.ts';
const assembler = 'src/core/update/receive/block-assembler.ts';
const chain = 'src/core/trust/openbmc-trust.ts';
const single = 'src/core/trust/single-image-trust.ts';

export const FAULTS = [
  // What is proven
  {
    fault: 'the digest of a block is made and not compared',
    file: stream,
    from: 'if (equalDigests(digest, blockDigest(proof.index, block))) continue;',
    to: 'if (digest.length === 32) continue;',
  },
  {
    fault: 'only the first block of a unit is proven',
    file: stream,
    from: 'for (let at = 0; at < unit.length; at += blockSize) {',
    to: 'for (let at = 0; at < 1; at += blockSize) {',
  },
  {
    fault: 'the last block of an image is not proven where it is shorter',
    file: stream,
    from: 'if (proof === null) continue;',
    to: 'if (proof === null || unit.length % blockSize !== 0) continue;',
  },
  {
    fault: 'each block is compared with the digest of the first one',
    file: stream,
    from: 'blockDigest(proof.index, block)',
    to: 'blockDigest(proof.index, 0)',
  },
  {
    fault: 'a block is stored while it is being proven',
    file: assembler,
    from: '    await proven;\n    await this.#sink.store(unit, index);',
    to: '    await this.#sink.store(unit, index);\n    await proven;',
  },
  {
    fault: 'the proof is not awaited before a block is stored',
    file: assembler,
    from: '    await proven;\n',
    to: '',
  },
  {
    fault: 'a unit is stored while the one before it still is',
    file: assembler,
    from: '    await previous;\n    await proven;',
    to: '    await proven;',
  },
  {
    fault: 'the end does not wait for the last block',
    file: assembler,
    from: '    await this.#underway;\n  }\n\n  /** Resolves when no unit',
    to: '  }\n\n  /** Resolves when no unit',
  },
  {
    fault: 'one buffer is used for what is stored and what is collected',
    file: assembler,
    from: 'this.#buffers.swap();',
    to: '',
  },
  {
    fault: 'an image that is shorter than was signed is taken',
    file: stream,
    from: "if (proof !== null && this.#size !== proof.index.size)\n      throw this.#wrong(proof, 'is shorter than was signed');",
    to: '',
  },
  {
    fault: 'the filler behind an image is what the buffer held',
    file: stream,
    from: 'return block.fill(0xff, unit.length - at);',
    to: 'return block;',
  },
  {
    fault: 'before-erase takes an image that nothing proves ahead',
    file: job,
    from: "if (policy !== 'before-erase') return null;",
    to: "if (policy !== 'unsigned') return null;",
  },
  {
    fault: 'the second reading may leave out an image',
    file: job,
    from: 'for (const name of expect.index.images.keys()) {',
    to: 'for (const name of [] as string[]) {',
  },
  {
    fault: 'the second reading may change small members',
    file: job,
    from: "if (!equalDigests(before, sha256)) throw changedMember(name, 'was another');",
    to: '',
  },

  // What is in flash
  {
    fault: 'what was programmed is not read back',
    file: block,
    from: "if ((await this.match(block, bytes)) === 'same') {",
    to: 'if (bytes.length > 0) {',
  },
  {
    fault: 'the read back is compared with itself',
    file: reader,
    from: 'if (this.platform.equal(have, want)) continue;',
    to: 'if (this.platform.equal(want, want)) continue;',
  },
  {
    fault: 'a block is read back without a read: the scratch buffer is taken for what is in flash',
    file: reader,
    from: 'await this.#readAt(block, block * eraseSize + at, into);',
    to: 'if (at === 0) await this.#readAt(block, block * eraseSize + at, into);',
  },
  {
    fault: 'a read that ECC could not mend counts',
    file: reader,
    from: "return (await this.#eccMoved()) ? 'differs' : match;",
    to: 'return match;',
  },
  {
    fault: 'an error of the read back is swallowed',
    file: block,
    from: '      await this.#readBack(block, bytes);\n    });\n  }\n\n  /** Programs a block that was erased',
    to: '      await this.#readBack(block, bytes).catch(() => {});\n    });\n  }\n\n  /** Programs a block that was erased',
  },
  {
    fault: 'a block is programmed without an erase where bits would have to be set',
    file: reader,
    from: "match === 'clears' && type === 'nor' && writeSize === 1 ? 'program' : 'erase'",
    to: "type === 'nor' && writeSize === 1 ? 'program' : 'erase'",
  },
  {
    fault: 'a program without an erase that failed is tried again without an erase',
    file: block,
    from: '        clears = false;\n',
    to: '',
  },
  {
    fault: 'a block is changed after the session was told to stop',
    file: block,
    from: 'if (this.options.signal?.aborted !== true) return;',
    to: 'if (this.options.signal !== null) return;',
  },
  {
    fault: 'a failure is retried for ever less one: never',
    file: reader,
    from: 'const ATTEMPTS = 3;',
    to: 'const ATTEMPTS = 1;',
  },
  {
    fault: 'errors that are no wear are tried again, too',
    file: reader,
    from: 'if (left === 0 || !asSluiceError(thrown).row.wear) throw thrown;',
    to: 'if (left === 0) throw thrown;',
  },
  {
    fault: 'the gate is opened by programming over what is there',
    file: block,
    from: '      erased = false;\n',
    to: '',
  },

  // The gate
  {
    fault: 'the first block is written when it comes',
    file: partition,
    from: '} else if (index === 0) {',
    to: '} else if (index < 0) {',
  },
  {
    fault: 'the gate is not shut before another block changes',
    file: partition,
    from: '      await this.#shutGate();\n      await this.#write(index, bytes, change);',
    to: '      await this.#write(index, bytes, change);',
  },
  {
    fault: 'the gate is shut behind the first change and not before it',
    file: partition,
    from: '      await this.#shutGate();\n      await this.#write(index, bytes, change);',
    to: '      await this.#write(index, bytes, change);\n      await this.#shutGate();',
  },
  {
    fault: 'a first block that was right is not kept to open the gate with',
    file: partition,
    from: 'if (index === 0 && this.#gate.mustShut) this.#gate.hold(bytes.slice());\n      else this.#settle(block);',
    to: 'this.#settle(block);',
  },
  {
    fault: 'the gate keeps the buffer and not its bytes',
    file: partition,
    from: '      this.receipt.held++;\n      this.#gate.hold(bytes.slice());',
    to: '      this.receipt.held++;\n      this.#gate.hold(bytes);',
  },
  {
    fault: 'before-commit leaves the old head in its place',
    file: 'src/core/update/write/commit-gate.ts',
    from: "policy !== 'before-erase'",
    to: "policy === 'unsigned'",
  },
  {
    fault: 'the gates open before the trust has answered',
    file: job,
    from: '    this.#proof = await this.#options.trust.finish();\n',
    to: '    await this.#plan.openGates(this.#buffers);\n    this.#proof = await this.#options.trust.finish();\n',
  },
  {
    fault: 'the answer of the trust is not awaited',
    file: job,
    from: 'this.#proof = await this.#options.trust.finish();',
    to: 'void this.#options.trust.finish().then((proof) => (this.#proof = proof), () => {});',
  },
  {
    fault: 'the gates open before what was written is looked at again',
    file: job,
    from: 'else await this.#plan.recheckAll(this.#buffers);',
    to: '',
  },
  {
    fault: 'unchanged blocks are not looked at again before the gates open',
    file: job,
    from: 'else await this.#plan.recheckAll(this.#buffers);',
    to: 'else await this.#plan.recheck(this.#buffers);',
  },
  {
    fault: 'the gates open before the blocks behind them are synced',
    file: job,
    from: '    await this.#plan.sync();\n    // Before a commit that comes at once',
    to: '    // Before a commit that comes at once',
  },
  {
    fault: 'success is told before the gates are synced',
    file: job,
    from: '    await this.#plan.sync();\n    this.#committed = true;',
    to: '    this.#committed = true;',
  },
  {
    fault: 'a stop that was asked for during the recheck is not heard',
    file: job,
    from: '    this.#throwIfStopped();\n    this.#waits = waits;',
    to: '    this.#waits = waits;',
  },
  {
    fault: 'a stop that was asked for while the session waited is not heard',
    file: job,
    from: "    this.#throwIfStopped();\n    this.#enter('committing');",
    to: "    this.#enter('committing');",
  },
  {
    fault: 'a commit that comes hours later does not look at the flash again',
    file: job,
    from: 'if (this.#waits) await this.#plan.recheckAll(this.#buffers);',
    to: '',
  },
  {
    fault: 'while a session waits its record still says that a block may be torn',
    file: job,
    from: 'if (waits) await this.#plan.journal?.checkpoint({ changed: this.#plan.changed });',
    to: '',
  },
  {
    fault: 'a session that is not proven can be committed',
    file: 'src/core/update/session.ts',
    from: 'if (this.#committing === null && !this.isProven) return this.#refuseCommit();',
    to: '',
  },
  {
    fault: 'who uses the flash is not asked again before the gates open',
    file: plan,
    from: 'if (changes) await this.#occupancy.recheck(partition);',
    to: 'void changes;',
  },
  {
    fault: 'gates open before the volumes that must be whole first',
    file: plan,
    from: '[...this.#volumes, ...others]',
    to: '[...others, ...this.#volumes]',
  },
  {
    fault: 'what the gates may have gone over is not looked at',
    file: plan,
    from: '    await this.#recheck(buffers, gates);',
    to: '    void gates;',
  },
  {
    fault: 'the recheck ends one block early',
    file: partition,
    from: 'index < this.receipt.blocks; index++) {\n      const block = this.#good.at(index);\n      if (!wanted',
    to: 'index < this.receipt.blocks - 1; index++) {\n      const block = this.#good.at(index);\n      if (!wanted',
  },
  {
    fault: 'wrapped addresses are not thought of',
    file: 'src/core/update/plan/aliased-blocks.ts',
    from: "(type === 'nor' ? address % ADDRESS_SPAN : address)",
    to: "(type === 'nor' ? address : address)",
  },
  {
    fault: 'a volume that reads back wrong stays open',
    file: volume,
    from: 'throw await this.#shut(asSluiceError(thrown));',
    to: 'throw asSluiceError(thrown);',
  },

  // Bad blocks
  {
    fault: 'a block that went bad is not marked',
    file: 'src/core/update/write/bad-block-replacement.ts',
    from: 'await this.#partition.device.markBad(block).catch(',
    to: 'await Promise.resolve().catch(',
  },
  {
    fault: 'blocks are marked bad one after the other when the controller fails',
    file: 'src/core/update/write/bad-block-replacement.ts',
    from: 'const BAD_IN_A_ROW = 3;',
    to: 'const BAD_IN_A_ROW = 300;',
  },
  {
    fault: 'behind a bad block the image goes on in the wrong place',
    file: 'src/core/update/plan/good-blocks.ts',
    from: 'this.#good?.splice(index, 1);',
    to: 'this.#good?.splice(index + 1, 1);',
  },
  {
    fault: 'the place left for an image is not counted again when a block went bad',
    file: partition,
    from: 'this.#good.require(Math.max(index + 1, this.#blocks));',
    to: '',
  },

  // Trust
  {
    fault: 'a failed check is forgotten by the next one',
    file: 'src/core/sticky-failure.ts',
    from: 'if (this.#failure !== null) throw this.#failure;\n    if (this.#ended)',
    to: 'if (this.#ended)',
  },
  {
    fault: 'the index of a chain that failed is still handed out',
    file: chain,
    from: 'return this.#steps.failed ? null : this.#index;',
    to: 'return this.#index;',
  },
  {
    fault: 'BLOCKS counts before its signature',
    file: chain,
    from: "    await this.#requireValid(parts, 'BLOCKS');\n",
    to: '',
  },
  {
    fault: 'images that came before BLOCKS are not compared with it',
    file: chain,
    from: '    for (const [name, image] of images) checkImage(index, name, image);\n    this.#index = index;',
    to: '    this.#index = index;',
  },
  {
    fault: 'image-full.sig is not verified at the end',
    file: chain,
    from: '      await this.#requireValid(parts, FULL_LIST);\n      return',
    to: '      return',
  },
  {
    fault: 'a signature without its member is passed over',
    file: chain,
    from: 'for (const name of this.#received.signatures.keys()) this.#requireSignedMember(name);',
    to: '',
  },
  {
    fault: 'images that nothing vouches for are passed over',
    file: chain,
    from: 'for (const name of this.#received.images.keys()) this.#requireImageSignature(name);',
    to: '',
  },
  {
    fault: 'any set of images is taken without BLOCKS',
    file: chain,
    from: 'if (!this.#anyImages) requireKnownSet(this.#received.images);',
    to: '',
  },
  {
    fault: 'a key that verifies MANIFEST alone vouches for publickey too',
    file: 'src/core/trust/signature-check.ts',
    from: 'for (const name of names) {',
    to: 'for (const name of names.slice(0, 1)) {',
  },
  {
    fault: 'the last of two members of one name counts',
    file: 'src/core/trust/received-members.ts',
    from: 'if (map.has(key))',
    to: 'if (map.has(key) && value === undefined)',
  },
  {
    fault: 'an empty signature is asked of the key',
    file: 'src/core/trust/verifier.ts',
    from: 'if (signature.length === 0) return false;',
    to: 'if (signature.length === 0) return true;',
  },
  {
    fault: 'an answer that is no boolean counts as right',
    file: 'src/core/trust/verifier.ts',
    from: 'signature })) === true;',
    to: 'signature })) !== false;',
  },
  {
    fault: 'the promise of a verification is taken for its answer',
    file: 'src/core/trust/signature-check.ts',
    from: 'resultOf(await verifier.verifyDigest(digest, signature))',
    to: 'resultOf(!!verifier.verifyDigest(digest, signature))',
  },
  {
    fault: 'a signature that cannot be checked counts as valid',
    file: chain,
    from: "if (result !== 'valid') throw signatureMismatch(name);",
    to: "if (result === 'invalid') throw signatureMismatch(name);",
  },
  {
    fault: 'a version that cannot be compared passes a minimum',
    file: 'src/core/trust/acceptance-rules.ts',
    from: 'if (order === null) {',
    to: 'if (order === null && text !== null) return;\n  if (order === null) {',
  },
  {
    fault: 'versions are compared as text',
    file: 'src/core/trust/acceptance-rules.ts',
    from: 'if (order < 0) {',
    to: "if ((text ?? '') < rules.minimumVersion) {",
  },
  {
    fault: 'a security version that is not there is taken for 0',
    file: 'src/core/trust/acceptance-rules.ts',
    from: 'if (version === null || !(version >= minimum)) {',
    to: 'if (!((version ?? 0) >= minimum)) {',
  },
  {
    fault: 'a single image is taken when no key fits',
    file: single,
    from: 'if (!this.#signed) throw signatureMismatch(name, this.#keys);',
    to: '',
  },
  {
    fault: 'a second image is taken with the signature of the first',
    file: single,
    from: 'if (name !== this.#image.name || this.#seen) {',
    to: 'if (name !== this.#image.name) {',
  },

  // The journal
  {
    fault: 'a block is touched while its record is still being saved',
    file: partition,
    from: 'await this.#options.changeLog.beforeChange(',
    to: 'void this.#options.changeLog.beforeChange(',
  },
  {
    fault: 'a block that may be torn is left alone where it reads right',
    file: journal,
    from: "if (this.#torn.has(partition, block)) return 'erase';",
    to: '',
  },
  {
    fault: 'a block that may have been begun is programmed over',
    file: journal,
    from: 'if (former === null) return change;',
    to: "if (former === null || change === 'program') return change;",
  },
  {
    fault: 'a block that may have been begun is trusted when it reads right, whatever it held',
    file: journal,
    from: "change === 'none' && former === this.#printer.printOf(bytes) ? 'none' : 'erase'",
    to: "change === 'none' ? 'none' : 'erase'",
  },
  {
    fault: 'what may be torn is printed as it reads now',
    file: journal,
    from: 'print: former ?? (await',
    to: 'print: (await',
  },
  {
    fault: 'doubts about flash that is not opened end with the update',
    file: 'src/core/update/resume/suspect-blocks.ts',
    from: '      else for (const block of blocks) others.add(name, block);\n',
    to: '',
  },
  {
    fault: 'a damaged journal is taken for none',
    file: 'src/core/update/resume/torn-block-scan.ts',
    from: 'if (damaged) left.torn.addAll();',
    to: '',
  },
  {
    fault: 'a damaged journal says nothing of flash between the partitions',
    file: 'src/core/update/resume/suspect-blocks.ts',
    from: 'else for (const block of between(partition, inside)) this.add(partition.name, block);',
    to: 'void between;',
  },
  {
    fault: 'what another bundle was doing is gone on with',
    file: journal,
    from: 'last.bundle !== null && last.bundle === facts.bundle;',
    to: 'last.bundle !== null;',
  },
  {
    fault: 'an update that comes no further is tried for ever',
    file: journal,
    from: 'stalled >= resumeLimit',
    to: 'stalled >= Number.POSITIVE_INFINITY',
  },
  {
    fault: 'a block that cannot be read is taken for one that was not changed',
    file: 'src/core/update/resume/torn-block-scan.ts',
    from: 'return (await this.#printer.printIfReadable(found.partition.device, found.block)) !== print;',
    to: 'return ((await this.#printer.printIfReadable(found.partition.device, found.block)) ?? print) !== print;',
  },
  {
    fault: 'the record outlives the update',
    file: job,
    from: '(await this.#plan.journal?.done(this.#isWhole)) ?? []',
    to: '[]',
  },
  {
    fault: 'the gates are not told to the journal',
    file: plan,
    from: 'await this.journal?.recordBeforeGates(',
    to: 'void [].concat(',
  },
  {
    fault: 'after a failure of the flash nothing is said to be torn',
    file: job,
    from: "if (row.stage !== 'flash' && exit !== EXIT.flash) await",
    to: 'void code, exit, EXIT; await',
  },
  {
    fault: 'a damaged record is read all the same',
    file: 'src/core/update/resume/journal-record.ts',
    from: ' || text.slice(end) !== `end ${checkOf(platform, body)}\\n`',
    to: '',
  },
  {
    fault: 'the record of a later version is read as one of ours',
    file: 'src/core/update/resume/journal-record.ts',
    from: 'Number(version) > VERSION',
    to: 'Number(version) < VERSION',
  },

  // The session
  {
    fault: 'a session that failed takes more bytes',
    file: 'src/core/update/session.ts',
    from: 'if (this.#error !== null) throw this.#error;\n    if ((this.#proving',
    to: 'if ((this.#proving',
  },
  {
    fault: 'an abort does not wait for what is under way',
    file: 'src/core/update/session.ts',
    from: 'await this.#running?.catch(() => {});',
    to: '',
  },
  {
    fault: 'after a failure the blocks that are under way are still written',
    file: job,
    from: 'this.#stream?.abandon();',
    to: '',
  },
];
