import t from 'tap';
import { CommitGate } from '../../../../../src/core/update/write/commit-gate.js';

t.test('under before-erase the gate is never shut', (t) => {
  const gate = new CommitGate('before-erase');
  t.match(gate, { isShut: false, mustShut: false, held: null });
  const bytes = Uint8Array.of(1, 2);
  gate.hold(bytes);
  t.equal(gate.held, bytes);
  t.equal(gate.mustShut, false);
  gate.opened();
  t.equal(gate.held, null);
  t.end();
});

for (const policy of ['before-commit', 'unsigned'] as const) {
  t.test(`under ${policy} it must be shut once, and stays shut until it is opened`, (t) => {
    const gate = new CommitGate(policy);
    t.match(gate, { isShut: false, mustShut: true });
    gate.hold(Uint8Array.of(1));
    t.equal(gate.mustShut, true, 'holding alone does not shut it');
    gate.shut();
    t.match(gate, { isShut: true, mustShut: false });
    gate.opened();
    t.match(gate, { isShut: false, held: null });
    t.end();
  });
}
