/** The status page. It shows what the service reports, and sends bundles; the service decides everything. */
import type { StoredReceipt } from '../../../service/receipts.js';
import type { ServiceState } from '../../../service/service-state.js';
import { call, credentials, ProblemError } from './api.js';
import { at, setText } from './dom.js';
import { JobView } from './job-view.js';
import { Live } from './live.js';
import { Partitions } from './partitions.js';
import { showReceipts } from './receipts-view.js';
import { Store } from './store.js';
import { UploadView } from './upload-view.js';

const store = new Store();
const partitions = new Partitions(store);
new JobView(store).attach();
showReceipts(store);
new UploadView(store, partitions).attach();

const live = new Live({
  event: (type, data) => store.take(type, data),
  link: (state, wait) => {
    at('link').classList.toggle('lost', state === 'lost');
    setText(at('link'), state === 'live' ? 'Live' : `Not connected, next try in ${Math.ceil(wait / 1000)} s`);
  },
  refused: ({ status, problem }) => {
    const given = credentials.known;
    credentials.forget();
    signIn(given || status !== 401 ? problem.message : '');
  },
});

store.listen(({ kind }) => {
  const { state } = store;
  if (kind === 'state' && state !== null) {
    const name = state.machine ?? 'sluice';
    document.title = `${name} · sluice`;
    setText(at('machine'), name);
    setText(at('address'), state.flash.address);
    if (at('board').hidden) {
      at('sign-in').hidden = true;
      // Clears the secret.
      document.querySelector<HTMLFormElement>('#sign-in form')?.reset();
      at('board').hidden = false;
      at('sign-out').hidden = !credentials.known;
      partitions.layOut();
      at('machine').focus();
    }
  }
  if (kind === 'state' || kind === 'receipt') void refresh(kind === 'receipt');
});

/** Requests what events do not contain: receipts, and the content of partitions after an update. */
async function refresh(all: boolean): Promise<void> {
  try {
    const { receipts } = (await (await call('/v1/receipts')).json()) as { receipts: StoredReceipt[] };
    store.setReceipts(receipts);
    if (all) store.setPartitions((await (await call('/v1/status')).json()) as ServiceState);
  } catch (thrown) {
    // Requested again once the event stream is connected.
    if (!(thrown instanceof ProblemError || thrown instanceof TypeError)) throw thrown;
  }
}

function signIn(message: string): void {
  live.reset();
  at('board').hidden = true;
  at('sign-in').hidden = false;
  at('sign-out').hidden = true;
  setText(at('link'), '');
  setText(at('address'), '');
  setText(at('machine'), 'sluice');
  setText(at('sign-in-error'), message);
  const field = message === '' ? 'name' : 'secret';
  document.querySelector<HTMLInputElement>(`#sign-in [name=${field}]`)?.focus();
}

document.querySelector('#sign-in form')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = new FormData(event.target as HTMLFormElement);
  const [name, secret] = [form.get('name'), form.get('secret')].map((value) => String(value).trim());
  credentials.set(name ?? '', secret ?? '');
  setText(at('sign-in-error'), '');
  live.start();
});

at('sign-out').addEventListener('click', () => {
  credentials.forget();
  live.stop();
  // Discards everything that was shown.
  location.reload();
});

// A phone that wakes up does not wait for the next try.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && at('link').classList.contains('lost')) live.start();
});

live.start();
