import type { JobState } from '../../../service/service-state.js';
import { announce, at, make, setText } from './dom.js';
import type { Change, Store } from './store.js';
import { clock, mib, moment, OUTCOMES, PHASES, size } from './words.js';

/** Warnings shown. A chip with more of them is broken. */
const MAX_WARNINGS = 8;

const NO_STATE = { job: null, lastReceipt: null, unfinished: [] };

/** Shows the running job, or the result of the last one. */
export class JobView {
  readonly #store: Store;
  /** Whether 50 % was announced to screen readers. */
  #isHalfAnnounced = false;

  constructor(store: Store) {
    this.#store = store;
  }

  attach(): void {
    this.#store.listen((change) => this.#on(change));
  }

  #on(change: Change): void {
    const { state } = this.#store;
    if (state === null) return;
    const { job } = state;
    switch (change.kind) {
      case 'begin':
        at('warnings').replaceChildren();
        this.#isHalfAnnounced = false;
        if (job !== null) announce(`${titleOf(job)}: started`);
        return this.#show();
      case 'end':
      case 'state':
      case 'partitions':
      case 'progress':
        return this.#show();
      case 'warning':
        if (at('warnings').childElementCount < MAX_WARNINGS)
          at('warnings').append(make('li', {}, change.message));
        return;
      case 'receipt': {
        const { outcome, message } = change.receipt.receipt;
        announce(`${OUTCOMES[outcome]}: ${message}`);
        return this.#show();
      }
      default:
    }
  }

  #show(): void {
    const { job, lastReceipt, unfinished } = this.#store.state ?? NO_STATE;
    at('job').classList.toggle('running', job !== null);
    at('job-figures').hidden = job === null;
    if (job !== null) {
      setText(at('job-title'), titleOf(job));
      setText(at('job-note'), `${phaseOf(job)}. From ${sender(job)}.`);
      return this.#figures(job);
    }
    setText(at('job-title'), unfinished.length > 0 ? 'Do not restart the board' : 'Ready');
    if (unfinished.length > 0) {
      const names = unfinished.join(', ');
      return setText(
        at('job-note'),
        `An update of ${names} was interrupted. Complete an update before the board restarts.`,
      );
    }
    if (lastReceipt === null) return setText(at('job-note'), 'No updates yet.');
    const { at: time, receipt } = lastReceipt;
    const { outcome, bundle } = receipt;
    const version =
      bundle.version === null ? '' : ` ${outcome === 'committed' ? 'to ' : ''}${bundle.version}`;
    setText(at('job-note'), `${OUTCOMES[outcome]}${version}, ${moment(time)}.`);
  }

  #figures(job: JobState): void {
    const { percent, received, total, rate, secondsLeft } = job;
    const bar = at<HTMLProgressElement>('job-bar');
    if (percent === null) bar.removeAttribute('value');
    else bar.value = percent;
    setText(at('job-percent'), percent === null ? 'unknown' : `${percent} %`);
    setText(at('job-received'), total === null ? size(received) : `${mib(received)} of ${mib(total)} MiB`);
    setText(at('job-rate'), `${mib(rate)} MiB/s`);
    setText(at('job-left'), secondsLeft === null ? 'unknown' : clock(secondsLeft));
    if (percent !== null && percent >= 50 && !this.#isHalfAnnounced) {
      this.#isHalfAnnounced = true;
      announce('Half of the work is done.');
    }
  }
}

function titleOf({ kind, only }: JobState): string {
  const what = only === null ? '' : ` ${only.join(', ')}`;
  return kind === 'update' ? `Updating${what}` : `Checking${what}`;
}

function phaseOf({ kind, phase }: JobState): string {
  return kind === 'check' && phase === 'receiving' ? 'Receiving and verifying' : PHASES[phase];
}

function sender({ from: { user, peer, via } }: JobState): string {
  return [user ?? via, peer].filter((part) => part !== null).join(' at ');
}
