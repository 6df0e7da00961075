import { joinNames } from '../../../core/text.js';
import type { StoredReceipt } from '../../../service/receipts.js';
import { ProblemError, unreachable, type Problem } from './api.js';
import { isWhole, peek, type Peek } from './bundle-peek.js';
import { at, make, setText } from './dom.js';
import { covers, type Partitions } from './partitions.js';
import { problemList } from './receipts-view.js';
import { Sender, type Checked } from './sender.js';
import type { Change, Store } from './store.js';
import { clock, count, mib, OUTCOMES, sentence, size } from './words.js';

/** The form that sends a bundle, and its result. */
export class UploadView {
  readonly #store: Store;
  readonly #partitions: Partitions;
  readonly #sender: Sender;
  #peek: Peek | null = null;
  /** The check of the selected file and partitions. */
  #checked: Checked | null = null;
  #action = '';
  /** Number of files whose headers are being read. */
  #reading = 0;

  constructor(store: Store, partitions: Partitions) {
    this.#store = store;
    this.#partitions = partitions;
    this.#sender = new Sender((sent, total) => this.#sent(sent, total));
  }

  attach(): void {
    this.#store.listen((change) => this.#on(change));
    at<HTMLInputElement>('file').addEventListener('change', () => void this.#choose());
    at('choices').addEventListener('change', () => this.#forget());
    at<HTMLFormElement>('upload').addEventListener('submit', (event) => {
      event.preventDefault();
      const { submitter } = event;
      void this.#go(submitter instanceof HTMLButtonElement && submitter.name === 'check');
    });
    at('stop').addEventListener('click', () => {
      if (window.confirm('Stop? An interrupted update must be sent again before the board restarts.'))
        this.#sender.stop();
    });
    window.addEventListener('beforeunload', (event) => {
      if (this.#sender.busy) event.preventDefault();
    });
  }

  #on({ kind }: Change): void {
    if (kind === 'progress' && this.#sender.busy) this.#fill();
    if (kind === 'state' && at('choices').childElementCount === 0) this.#showChoices();
    if (kind === 'state' || kind === 'begin' || kind === 'end') this.#enable();
  }

  get #file(): File | null {
    return at<HTMLInputElement>('file').files?.[0] ?? null;
  }

  async #choose(): Promise<void> {
    const file = this.#file;
    at('result').replaceChildren();
    // The form below changes once the headers are read; its buttons are disabled until then, against a wrong click.
    this.#reading++;
    this.#forget();
    const found = file === null ? null : await peek(file).catch(() => null);
    this.#reading--;
    if (file !== this.#file) return;
    this.#peek = found;
    this.#showChoices();
    setText(at('bundle-note'), file === null ? '' : noteOf(found, file));
    this.#enable();
  }

  /** Discards the check: its file or partitions were changed. */
  #forget(): void {
    if (this.#checked !== null) {
      at('result').replaceChildren();
      this.#partitions.preview({});
    }
    this.#checked = null;
    this.#enable();
  }

  /** Shows a checkbox for each partition, disabled if the bundle has no image for it. */
  #showChoices(): void {
    const all = this.#store.state?.flash.partitions ?? [];
    const inside = this.#peek?.partitions ?? null;
    const whole = this.#peek !== null && this.#hasWholeChip(this.#peek);
    const boxes = all
      .filter((partition) => !covers(partition, all))
      .map(({ name }) => {
        const there = inside === null || whole || inside.has(name);
        const box = make('input', { type: 'checkbox', name: 'only', value: name });
        box.checked = there;
        box.disabled = !there;
        return make(
          'label',
          {},
          box,
          name,
          there ? null : make('span', { class: 'quiet' }, ' not in the bundle'),
        );
      });
    at('choices').replaceChildren(...boxes);
  }

  /** Whether the bundle has an image of a partition that contains others: it can be split into their images. */
  #hasWholeChip({ partitions }: Peek): boolean {
    const all = this.#store.state?.flash.partitions ?? [];
    return all.some((partition) => partitions?.has(partition.name) === true && covers(partition, all));
  }

  #query(): URLSearchParams | null {
    const boxes = [...document.querySelectorAll<HTMLInputElement>('#choices input')].filter(
      (box) => !box.disabled,
    );
    const chosen = boxes.filter((box) => box.checked);
    if (boxes.length > 0 && chosen.length === 0) return null;
    const all = chosen.length === boxes.length;
    const found = this.#peek;
    if (all && (found === null || isWhole(found) || this.#hasWholeChip(found))) return new URLSearchParams();
    return new URLSearchParams({ only: joinNames(chosen.map((box) => box.value)) });
  }

  async #go(checkOnly: boolean): Promise<void> {
    const file = this.#file;
    const query = this.#query();
    if (file === null || this.#sender.busy) return;
    if (query === null)
      return this.#show('No partition selected', make('p', {}, 'Select at least one partition to write.'));
    at('result').replaceChildren();
    try {
      if (checkOnly || (this.#checked === null && this.#peek?.indexed !== true)) {
        this.#begin('Checking');
        this.#checked = await this.#sender.check(file, query);
        this.#partitions.preview(
          Object.fromEntries(
            Object.entries(this.#checked.willChange).map(([name, { changed }]) => [name, changed]),
          ),
        );
        if (checkOnly) return this.#show('Checked', ...forecast(this.#checked));
      }
      if (this.#checked !== null) query.set('check', this.#checked.check);
      this.#begin('Sending');
      const stored = await this.#sender.update(file, query);
      this.#checked = null;
      this.#report(stored);
    } catch (thrown) {
      this.#checked = null;
      this.#problem(thrown instanceof ProblemError ? thrown.problem : unreachable);
    } finally {
      at('sending').hidden = true;
      this.#enable();
    }
  }

  #begin(action: string): void {
    this.#action = action;
    at('sending').hidden = false;
    at<HTMLProgressElement>('sending-bar').removeAttribute('value');
    setText(at('sending-text'), action);
    this.#enable();
  }

  /** The progress of the board, not that of the upload. */
  #fill(): void {
    const percent = this.#store.state?.job?.percent ?? null;
    if (percent !== null) at<HTMLProgressElement>('sending-bar').value = percent;
  }

  #sent(sent: number, total: number): void {
    const rest = sent < total ? '' : ', waiting for the board';
    setText(at('sending-text'), `${this.#action}: ${mib(sent)} of ${mib(total)} MiB${rest}`);
  }

  #enable(): void {
    const busy = !at('sending').hidden;
    at<HTMLInputElement>('file').disabled = busy;
    at<HTMLFieldSetElement>('choice').disabled = busy;
    for (const id of ['write', 'check']) at<HTMLButtonElement>(id).disabled = busy || this.#reading > 0;
    setText(at('write'), this.#checked === null ? 'Update' : 'Update now');
  }

  #report({ receipt, next }: StoredReceipt): void {
    const { outcome, code, message, flash } = receipt;
    if (outcome !== 'committed') return this.#problem({ code, message, next, flash }, OUTCOMES[outcome]);
    this.#show(OUTCOMES.committed, make('p', {}, sentence(message)));
  }

  #problem(problem: Problem, title = 'Not updated'): void {
    this.#show(title, problemList(problem));
    at('result').classList.add('bad');
  }

  #show(title: string, ...content: readonly Node[]): void {
    const result = at('result');
    result.classList.remove('bad');
    result.replaceChildren(make('h3', {}, title), ...content);
    result.focus();
  }
}

function noteOf(peeked: Peek | null, file: File): string {
  const { partitions = null, indexed = false, version = null, machine = null } = peeked ?? {};
  const what = [version, machine === null ? null : `for ${machine}`, size(file.size)].filter(
    (word) => word !== null,
  );
  const twice =
    partitions !== null && indexed
      ? ''
      : ' No block index was found, so the bundle is sent twice: first to verify it, then to write it.';
  return `${what.join(', ')}.${twice}`;
}

/** Describes what will change according to a check. */
function forecast({ willChange }: Checked): Node[] {
  const rows = Object.entries(willChange).map(([name, { blocks, changed, seconds }]) => {
    const time = seconds === null || changed.length === 0 ? '' : `, about ${clock(seconds)}`;
    return make(
      'li',
      {},
      make('strong', {}, name),
      ` ${changed.length} of ${count(blocks, 'block')} will change${time}.`,
    );
  });
  const none = Object.values(willChange).every(({ changed }) => changed.length === 0);
  return [
    make(
      'p',
      {},
      none
        ? 'The bundle is verified, and the flash already has its content.'
        : 'The bundle is verified. Nothing was written.',
    ),
    make('ul', {}, ...rows),
  ];
}
