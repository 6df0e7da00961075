/**
 * What every source must do, whatever it reads from: a path, a pipe, a socket, a URL. Each row of the table of schemes
 * has an instance (source.test.ts).
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Source } from '../../src/host/node/sources/source.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

/** What the other end does: `whole` sends all bytes; the others send them and then nothing, or break. */
export type Sending = 'whole' | 'silent' | 'cut';

/** The other end of a source. */
export interface Feeding {
  /** What is opened, as a user writes it or as a descriptor. */
  open(signal?: AbortSignal): Promise<Source>;
  /** Bytes handed to the system so far. */
  sent(): number;
}

/** A kind of source under test. */
export interface SourceSubject {
  /** Offers `bytes`; all of it goes away with the test. */
  feed(t: Test, bytes: Uint8Array, how: Sending): Promise<Feeding>;
  readonly rereadable: boolean;
  /** Whether there is a sender: then it can be held back, and be silent. */
  readonly sender: boolean;
  /** The code if the sender breaks; null if the source cannot notice. */
  readonly cut: string | null;
  /** Opens what is not there, if that is possible. */
  readonly missing?: (t: Test) => Promise<Source>;
}

/** More than the system buffers between two ends. */
const LARGE = 24 * 1024 * 1024;
const BYTES = noise(300_000, 1);

const nothing = async (): Promise<void> => {};

/** Descriptors that are open: what is left behind shows. */
const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries === 200) throw new Error(`${what}: not within 2 seconds`);
    await sleep(10);
  }
}

/** All bytes of one reading. The buffer of a source is its own: what is kept is copied. */
async function read(source: Source): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  await source.pump(async (bytes) => void pieces.push(bytes.slice()));
  return Buffer.concat(pieces);
}

/** Runs the suite. */
export function sourceSuite(t: Test, subject: SourceSubject): void {
  const { feed, rereadable, sender, cut, missing } = subject;

  t.test('all bytes, in order, one call at a time', async (t) => {
    const source = await (await feed(t, BYTES, 'whole')).open();
    t.equal(source.rereadable, rereadable);
    t.ok(source.size === null || source.size === BYTES.length, `size ${source.size} before the reading`);
    const got = new Uint8Array(BYTES.length);
    let [at, running] = [0, 0];
    await source.pump(async (bytes) => {
      if (++running > 1) t.fail('a call came while another was under way');
      // Not at once: the bytes must stay as they are until the call is over.
      await sleep(1);
      got.set(bytes, at);
      at += bytes.length;
      running--;
    });
    t.equal(at, BYTES.length);
    sameBytes(t, got, BYTES);
    if (rereadable) {
      t.equal(source.size, BYTES.length);
      sameBytes(t, await read(source), BYTES);
    }
    source.close();
  });

  t.test('an empty source ends', async (t) => {
    const source = await (await feed(t, new Uint8Array(0), 'whole')).open();
    t.equal((await read(source)).length, 0);
    source.close();
  });

  t.test('a reading ends as soon as enough was taken', async (t) => {
    const source = await (await feed(t, BYTES, 'whole')).open();
    let taken = 0;
    const take = async (bytes: Uint8Array): Promise<void> => void (taken += bytes.length);
    await source.pump(take, { until: () => taken > 0 });
    t.ok(taken > 0 && taken < BYTES.length, `${taken} bytes`);
    if (rereadable) sameBytes(t, await read(source), BYTES);
    source.close();
  });

  t.test('what the taker throws ends the reading as it is', async (t) => {
    const source = await (await feed(t, BYTES, 'whole')).open();
    const thrown = new TypeError('not of the source');
    let calls = 0;
    const take = (): Promise<void> => (calls++, Promise.reject(thrown));
    await t.rejects(source.pump(take), thrown);
    await sleep(20);
    t.equal(calls, 1, 'no call comes after it');
    source.close();
  });

  if (sender)
    t.test('a taker that waits holds the sender back', async (t) => {
      const bytes = noise(LARGE, 2);
      const feeding = await feed(t, bytes, 'whole');
      const source = await feeding.open();
      let [taken, held] = [0, 0];
      await source.pump(async (piece) => {
        if (taken === 0) {
          await sleep(300);
          held = feeding.sent();
        }
        taken += piece.length;
      });
      t.equal(taken, LARGE);
      t.ok(held < LARGE, `${held} of ${LARGE} bytes were sent meanwhile`);
      source.close();
    });

  if (sender)
    t.test('a signal ends the wait for a silent sender', async (t) => {
      const stop = new AbortController();
      const source = await (await feed(t, BYTES.subarray(0, 1000), 'silent')).open(stop.signal);
      let taken = 0;
      const take = async (bytes: Uint8Array): Promise<void> => void (taken += bytes.length);
      const reading = source.pump(take, { signal: stop.signal });
      const ended = t.rejects(reading, { code: 'ERR_SESSION_INTERRUPTED' });
      await until('the bytes come', () => taken === 1000);
      stop.abort(Object.assign(new Error('stop'), { code: 'ERR_SESSION_INTERRUPTED' }));
      await ended;
      await t.rejects(source.pump(nothing, { signal: stop.signal }), { code: 'ERR_SESSION_INTERRUPTED' });
      source.close();
    });

  if (cut !== null)
    t.test('a sender that breaks is an error that names the source', async (t) => {
      const source = await (await feed(t, BYTES, 'cut')).open();
      const error = (await source.pump(nothing).catch((thrown) => thrown)) as Error & { code: string };
      t.equal(error.code, cut);
      t.ok(error.message.includes(source.name), error.message);
      source.close();
    });

  if (missing !== undefined)
    t.test('what is not there is an error of the source', async (t) => {
      const reading = missing(t).then((source) => source.pump(nothing));
      await t.rejects(reading, { code: /^ERR_SOURCE_/ });
    });

  t.test('nothing stays open, however the reading ends', async (t) => {
    await t.test('first, what is loaded on demand', async (t) => {
      const source = await (await feed(t, BYTES, 'whole')).open();
      await read(source);
      source.close();
    });
    const before = descriptors();
    for (const end of ['all', 'enough', 'thrown'] as const)
      await t.test(end, async (t) => {
        const source = await (await feed(t, BYTES, 'whole')).open();
        const failed = new Error('no');
        const take = end === 'thrown' ? () => Promise.reject(failed) : nothing;
        const reading = source.pump(take, { until: () => end === 'enough' });
        await (end === 'thrown' ? t.rejects(reading, failed) : reading);
        source.close();
      });
    await until(`${before} descriptors`, () => descriptors() <= before);
    t.ok(descriptors() <= before);
  });
}
