import type { JobState } from '../../../service/service-state.js';
import { announce, at, make, setText } from './dom.js';
import type { Change, Store } from './store.js';
import { clock, mib, moment, OUTCOMES, PHASES, size } from './words.js';

/** Warnings shown; a chip that warns more often is broken. */
const MAX_WARNINGS = 8;

const NOTHING = { job: null, lastReceipt: null, unfinished: [] };

/** The job under way, or what became of the last one. */
export class JobView {
  readonly #store: Store;
  /** Whether half of the job was announced to screen readers. */
  #half = false;

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
        this.#half = false;
        if (job !== null) announce(`${titleOf(job)}: begun`);
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
    const { job, lastReceipt, unfinished } = this.#store.state ?? NOTHING;
    at('job').classList.toggle('running', job !== null);
    at('job-figures').hidden = job === null;
    if (job !== null) {
      setText(at('job-title'), titleOf(job));
      setText(at('job-note'), `${phaseOf(job)}. From ${sender(job)}.`);
      return this.#figures(job);
    }
    setText(at('job-title'), 'Ready');
    if (unfinished.length > 0) {
      const names = unfinished.join(', ');
      return setText(
        at('job-note'),
        `An update of ${names} was interrupted. Finish an update before this board restarts.`,
      );
    }
    if (lastReceipt === null) return setText(at('job-note'), 'No update has come through this service yet.');
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
    setText(at('job-percent'), percent === null ? 'not known' : `${percent} %`);
    setText(at('job-received'), total === null ? size(received) : `${mib(received)} of ${mib(total)} MiB`);
    setText(at('job-rate'), `${mib(rate)} MiB/s`);
    setText(at('job-left'), secondsLeft === null ? 'not known' : clock(secondsLeft));
    if (percent !== null && percent >= 50 && !this.#half) {
      this.#half = true;
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
