import { SluiceError } from '../core/errors.js';
import { isSameSecret } from '../host/node/crypto/secrets.js';
import type { Upload } from './upload.js';

/** Ended uploads that are remembered. */
const MAX_ENDED_UPLOADS = 16;

/** Where an upload with a resume key stands. */
export type UploadTrace =
  | { readonly open: true; readonly upload: Upload }
  /** It is ending or has ended; `receipt` is the id of what comes of it. `received`: bytes that had come. */
  | { readonly open: false; readonly receipt: string; readonly received: number };

interface Past {
  readonly resume: string | null;
  readonly user: string | null;
  readonly receipt: string;
  readonly received: number;
}

/** Uploads by the key that their sender has chosen, for senders who come back after their connection was cut. */
export class ResumableUploads {
  #current: Upload | null = null;
  #past: readonly Past[] = [];

  /** An upload begins. */
  begin(upload: Upload): void {
    this.#current = upload;
  }

  /** The upload that had begun has ended; of it only a few words are kept. */
  end(): void {
    const upload = this.#current;
    this.#current = null;
    if (upload !== null && upload.request.resume !== null) {
      this.#past = [...this.#past.slice(1 - MAX_ENDED_UPLOADS), pastOf(upload)];
    }
  }

  /**
   * @param user - who asks; only who began an upload hears of it
   * @throws SluiceError ERR_SESSION_UPLOAD
   */
  find(resume: string, user: string | null): UploadTrace {
    const upload = this.#current;
    const is = (past: Past): boolean =>
      past.resume !== null && isSameSecret(past.resume, resume) && past.user === user;
    if (upload !== null && !upload.ending && is(pastOf(upload))) return { open: true, upload };
    const past = upload !== null && is(pastOf(upload)) ? pastOf(upload) : this.#past.findLast(is);
    if (past !== undefined) return { open: false, receipt: past.receipt, received: past.received };
    throw new SluiceError('ERR_SESSION_UPLOAD', 'there is no such upload to resume');
  }
}

const pastOf = ({ request, id, received }: Upload): Past => ({
  resume: request.resume,
  user: request.from.user,
  receipt: id,
  received,
});
