import { SluiceError } from '../../../errors.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import type { BodyOptions } from '../body.js';
import type { Exchange } from '../exchange.js';

/** Takes the bundle out of a multipart body. */
export async function takeMultipart<T>(
  _service: UpdateService,
  _exchange: Exchange,
  _options: BodyOptions,
  _begin: () => Promise<Upload<T>>,
): Promise<T> {
  throw new SluiceError('ERR_SOURCE_MULTIPART', 'multipart is not taken yet');
}
