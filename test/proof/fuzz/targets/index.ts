import type { FuzzTarget } from '../target.js';
import { blocks, manifest, scheme, version } from './bundle.js';
import { addresses, cli } from './cli.js';
import { answers, httpClient, sse } from './client.js';
import { gzip } from './gzip.js';
import { http } from './http.js';
import { journal } from './journal.js';
import { config, credentials, layout, simDescription } from './json.js';
import { hashfunc, pem, signature } from './keys.js';
import { multipart } from './multipart.js';
import { paths } from './paths.js';
import { lastEventId, redfish } from './redfish.js';
import { tar } from './tar.js';

/** Every parser that reads what others have written. */
export const TARGETS: readonly FuzzTarget[] = [
  tar,
  gzip,
  manifest,
  blocks,
  pem,
  hashfunc,
  scheme,
  signature,
  version,
  config,
  credentials,
  cli,
  addresses,
  layout,
  simDescription,
  journal,
  multipart,
  redfish,
  lastEventId,
  sse,
  answers,
  paths,
  http,
  httpClient,
];
