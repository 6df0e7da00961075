import { SluiceError } from '../core/errors.js';
import { isSameSecret } from '../host/node/crypto/secrets.js';
import type { Upload } from './upload.js';

/** Stored results of ended uploads. */
const MAX_ENDED_UPLOADS = 16;

/** State of an upload with a resume key. */
export type UploadTrace =
  | { readonly open: true; readonly upload: Upload }
  /** The upload is ending or has ended. `receipt`: id of its receipt. `received`: bytes. */
  | { readonly open: false; readonly receipt: string; readonly received: number };

interface EndedUpload {
  readonly resume: string | null;
  readonly user: string | null;
  readonly receipt: string;
  readonly received: number;
}

/** Finds uploads by their resume key, for clients that resume after a lost connection. */
export class ResumableUploads {
  #current: Upload | null = null;
  #ended: readonly EndedUpload[] = [];

  /** An upload begins. */
  begin(upload: Upload): void {
    this.#current = upload;
  }

  /** The current upload has ended; only its result is stored. */
  end(): void {
    const upload = this.#current;
    this.#current = null;
    if (upload !== null && upload.request.resume !== null) {
      this.#ended = [...this.#ended.slice(1 - MAX_ENDED_UPLOADS), endedUploadOf(upload)];
    }
  }

  /**
   * @param user - the client; uploads of other users are not found
   * @throws SluiceError ERR_SESSION_UPLOAD
   */
  find(resume: string, user: string | null): UploadTrace {
    const upload = this.#current;
    const matches = (ended: EndedUpload): boolean =>
      ended.resume !== null && isSameSecret(ended.resume, resume) && ended.user === user;
    if (upload !== null && !upload.ending && matches(endedUploadOf(upload))) return { open: true, upload };
    const ended =
      upload !== null && matches(endedUploadOf(upload))
        ? endedUploadOf(upload)
        : this.#ended.findLast(matches);
    if (ended !== undefined) return { open: false, receipt: ended.receipt, received: ended.received };
    throw new SluiceError('ERR_SESSION_UPLOAD', 'no upload has this resume key');
  }
}

const endedUploadOf = ({ request, id, received }: Upload): EndedUpload => ({
  resume: request.resume,
  user: request.from.user,
  receipt: id,
  received,
});
