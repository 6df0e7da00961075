/** Bodies of Redfish, and where a watcher says that it stood. */
import { parseJson, isObject } from '../../../../src/protocols/redfish/json-body.js';
import { parseUpdateParameters } from '../../../../src/protocols/redfish/parameters.js';
import { RedfishProblem } from '../../../../src/protocols/redfish/problem.js';
import { urlOf } from '../../../../src/protocols/redfish/simple-update.js';
import { EventHub } from '../../../../src/service/events.js';
import type { PartitionState } from '../../../../src/service/service-state.js';
import { must, utf8, type FuzzTarget } from '../target.js';

const partitions = ['kernel', 'rofs', 'a b'].map((name) => ({ name }) as PartitionState);
const inventory = '/redfish/v1/UpdateService/FirmwareInventory/';

/** Bodies as JSON; which kind of body it is, the run decides. */
export const redfish: FuzzTarget = {
  name: 'redfish',
  codes: [],
  seeds: [
    { Targets: [`${inventory}kernel`, `${inventory}a%20b`], '@Redfish.OperationApplyTime': 'Immediate' },
    { Targets: ['/redfish/v1/Managers/bmc'] },
    { ImageURI: 'http://ann:x@files.example/b.tar?q#f', Username: 'a', Password: 'b' },
    { ImageURI: 'files.example:80/b.tar', TransferProtocol: 'HTTPS', Targets: [] },
    [],
  ].map((it) => utf8(JSON.stringify(it))),
  dictionary: [
    '"Targets":',
    '"ImageURI":',
    '"Username":"\\ud800"',
    '"TransferProtocol":"HTTP"',
    inventory,
    '%2e%2e%2f',
    '%ff',
    '/../',
    '__proto__',
    '[[[[[[[[',
    'null',
    '1e999',
    '-0',
  ],
  bound: 50,
  run: (bytes, random) => {
    const text = bytes.toString('utf8');
    try {
      if (random.below(2) === 0) {
        const only = parseUpdateParameters(text, partitions);
        must(
          only === null || only.every((name) => partitions.some((it) => it.name === name)),
          'a partition that is none',
        );
        return `only ${only?.length ?? '-'}`;
      }
      const body = parseJson(text);
      if (!isObject(body)) return 'no object';
      const permitted = ['files.example', '*.files.example'];
      const url = urlOf(body, random.below(2) === 0 ? null : permitted);
      must(/^https?:$/.test(url.protocol) && url.hostname !== '', `fetches from ${url.href}`);
      return `url ${url.protocol} ${url.username === ''} ${url.port === ''}`;
    } catch (thrown) {
      if (!(thrown instanceof RedfishProblem)) throw thrown;
      must(thrown.status >= 400 && thrown.status < 500, `status ${thrown.status}`);
      must(
        JSON.stringify(thrown.body).length < 40 * (bytes.length + 200),
        'an answer much larger than what was asked',
      );
      const { error } = thrown.body as { error: { code: string } };
      return `${thrown.status} ${error.code}`;
    }
  },
};

const hub = new EventHub();
for (let at = 0; at < 600; at++) hub.publish('progress', { at });
const [run = ''] = hub.cursor.split('-');

/** What stands in Last-Event-ID, or behind `after=`. */
export const lastEventId: FuzzTarget = {
  name: 'last-event-id',
  codes: [],
  // The name of the run differs from run to run, so it stands in as R.
  seeds: ['R-600', 'R-1', 'R-599', 'R-88', 'ffffffff-5', 'R-0600', 'R-601', '1', ''].map(utf8),
  dictionary: ['R-', '-', '599', '601', '0'],
  longest: 64,
  run: (bytes) => {
    const text = bytes.toString('latin1').replace('R', run);
    const found = hub.since(text);
    if (found === null) return 'nowhere';
    const number = Number(text.slice(run.length + 1));
    must(
      text.startsWith(`${run}-`) && /^\d+$/.test(text.slice(run.length + 1)),
      `${JSON.stringify(text)} is somewhere`,
    );
    must(
      found.every(({ id }, at) => id === number + 1 + at) && found.length === 600 - number,
      'events are missing',
    );
    return `${Math.sign(found.length)}`;
  },
};
