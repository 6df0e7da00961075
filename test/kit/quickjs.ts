/** QuickJS (compiled to WebAssembly) as a board's engine: loads the core and runs updates in it. */
import { createHash, hash as hashOnce, type Hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import {
  newQuickJSWASMModule,
  type QuickJSContext,
  type QuickJSDeferredPromise,
  type QuickJSHandle,
  type QuickJSRuntime,
} from 'quickjs-emscripten';
import { parsePublicKey } from '../../src/host/node/crypto/public-key.js';
import { asSluiceError } from '../../src/core/errors.js';
import type { HashName, PublicKey, SignatureScheme } from '../../src/core/platform.js';
import type { Supply, UpdateCase, UpdateResult } from './portable-update.js';
import type { Host } from './quickjs-guest.js';

/** The host's side of `Host`: handles in, a handle out. The runtime disposes of all of them. */
type HostFunctions = Readonly<Record<keyof Host, (...args: QuickJSHandle[]) => QuickJSHandle>>;

/** One engine with the core in it. */
export class Engine {
  readonly #runtime: QuickJSRuntime;
  readonly #context: QuickJSContext;
  readonly #hashes = new Map<number, Hash>();
  readonly #keys: PublicKey[] = [];
  /** What the engine waits for, each with a promise that never rejects of when it has come. */
  readonly #waiting = new Map<QuickJSDeferredPromise, Promise<void>>();
  #hashCount = 0;
  #supply: Supply | null = null;

  private constructor(runtime: QuickJSRuntime) {
    this.#runtime = runtime;
    this.#context = runtime.newContext();
  }

  /**
   * Starts an engine of its own.
   * @param scripts - evaluated in their order; the names are for stack traces
   * @param heapLimit - bytes of the engine's heap: code, objects and the buffers that scripts make, but not
   *   the ArrayBuffers that the host hands in
   */
  static async start(scripts: Readonly<Record<string, string>>, heapLimit = -1): Promise<Engine> {
    const module = await newQuickJSWASMModule();
    const engine = new Engine(module.newRuntime());
    engine.#runtime.setMemoryLimit(heapLimit);
    try {
      engine.#defineHost();
      for (const [name, code] of Object.entries(scripts)) engine.evaluate(code, name);
      return engine;
    } catch (thrown) {
      engine.dispose();
      throw thrown;
    }
  }

  /** Runs a script and returns its value as plain data. */
  evaluate(code: string, name = 'test.js'): unknown {
    const context = this.#context;
    return this.#unwrap(context.evalCode(code, name)).consume((value) => context.dump(value) as unknown);
  }

  /** Runs one update. What the guest throws comes out with the guest's stack. */
  async update(update: UpdateCase, supply: Supply): Promise<UpdateResult> {
    const context = this.#context;
    this.#supply = supply;
    const promise = context
      .getProp(context.global, 'run')
      .consume((run) =>
        context
          .newString(JSON.stringify(update))
          .consume((text) => this.#unwrap(context.callFunction(run, context.undefined, text))),
      );
    try {
      for (;;) {
        this.#runJobs();
        const state = context.getPromiseState(promise);
        if (state.type !== 'pending') {
          return this.#unwrap(state).consume((text) => JSON.parse(context.getString(text)) as UpdateResult);
        }
        if (this.#waiting.size === 0) throw new Error('the engine waits for something that will never come');
        await Promise.race(this.#waiting.values());
      }
    } finally {
      promise.dispose();
      this.#supply = null;
    }
  }

  /** Ends the engine. @throws when anything in it is still held: QuickJS asserts that nothing leaked */
  dispose(): void {
    for (const deferred of this.#waiting.keys()) deferred.dispose();
    this.#waiting.clear();
    this.#context.dispose();
    this.#runtime.dispose();
  }

  /** Empties the queue of promise reactions; QuickJS never does so by itself. */
  #runJobs(): void {
    const jobs = this.#runtime.executePendingJobs();
    if (jobs.error !== undefined) throw this.#guestError(jobs.error);
    jobs.dispose();
  }

  #unwrap(result: { value: QuickJSHandle; error?: undefined } | { error: QuickJSHandle }): QuickJSHandle {
    if (result.error !== undefined) throw this.#guestError(result.error);
    return result.value;
  }

  #guestError(handle: QuickJSHandle): Error {
    const thrown = handle.consume((error) => this.#context.dump(error) as unknown);
    if (typeof thrown !== 'object' || thrown === null) return new Error(`the guest threw ${String(thrown)}`);
    const { name, message, stack } = thrown as Partial<Error>;
    return new Error(`${name}: ${message}\n  in QuickJS:\n${stack}`);
  }

  /** A promise of the guest for work of the host; `give` makes the value when the work is done. */
  #promise<T>(work: Promise<T>, give: (value: T) => QuickJSHandle): QuickJSHandle {
    const deferred = this.#context.newPromise();
    const settle = async (): Promise<void> => {
      try {
        const value = await work;
        // An engine that has failed is gone by the time that what it waited for arrives.
        if (this.#context.alive) give(value).consume((handle) => deferred.resolve(handle));
      } catch (thrown) {
        if (!this.#context.alive) return;
        this.#context.newError(String(thrown)).consume((handle) => deferred.reject(handle));
      } finally {
        this.#waiting.delete(deferred);
      }
    };
    this.#waiting.set(deferred, settle());
    return deferred.handle;
  }

  #take(handle: QuickJSHandle | undefined): Uint8Array {
    if (handle === undefined) throw new TypeError('an argument is missing');
    // Copied out: the view is into the engine's memory, which moves when it grows.
    return this.#context.getArrayBuffer(handle).consume(({ value }) => value.slice());
  }

  #give(bytes: Uint8Array): QuickJSHandle {
    return this.#context.newArrayBuffer(Uint8Array.from(bytes).buffer);
  }

  #defineHost(): void {
    const context = this.#context;
    const string = (handle: QuickJSHandle | undefined): string =>
      context.getString(handle ?? context.undefined);
    const number = (handle: QuickJSHandle | undefined): number =>
      context.getNumber(handle ?? context.undefined);
    const hashOf = (handle: QuickJSHandle | undefined): Hash => {
      const hash = this.#hashes.get(number(handle));
      if (hash === undefined) throw new TypeError('there is no such hash, or it has ended');
      return hash;
    };
    const supply = (): Supply => {
      if (this.#supply === null) throw new TypeError('no update is running');
      return this.#supply;
    };
    const functions: HostFunctions = {
      hashCreate: (name) => {
        this.#hashes.set(++this.#hashCount, createHash(string(name)));
        return context.newNumber(this.#hashCount);
      },
      hashUpdate: (id, bytes) => {
        hashOf(id).update(this.#take(bytes));
        return context.undefined;
      },
      hashDigest: (id) => {
        const digest = hashOf(id).digest();
        this.#hashes.delete(number(id));
        return this.#give(digest);
      },
      digest: (name, bytes) => this.#give(hashOnce(string(name), this.#take(bytes), 'buffer')),
      publicKey: (pem) => context.newString(JSON.stringify(this.#parseKey(this.#take(pem)))),
      verify: (id, scheme, hash, digest, signature) => {
        const key = this.#keys[number(id)];
        if (key === undefined) throw new TypeError('there is no such key');
        const check = {
          scheme: string(scheme) as SignatureScheme,
          hash: string(hash) as HashName,
          digest: this.#take(digest),
          signature: this.#take(signature),
        };
        return this.#promise(key.verify(check), (right) => (right ? context.true : context.false));
      },
      now: () => context.newNumber(performance.now()),
      content: () => this.#give(supply().content()),
      pem: () => this.#give(supply().pem()),
      rewind: () => {
        supply().rewind();
        return context.undefined;
      },
      next: () =>
        this.#promise(supply().next(), (bytes) => (bytes === null ? context.null : this.#give(bytes))),
    };
    context.newObject().consume((host) => {
      for (const [name, act] of Object.entries(functions)) {
        context.newFunction(name, act).consume((handle) => context.setProp(host, name, handle));
      }
      context.setProp(context.global, 'host', host);
    });
  }

  #parseKey(pem: Uint8Array): { id: number; kind: string; bits: number } | { code: string; message: string } {
    try {
      const key = parsePublicKey(pem);
      return { id: this.#keys.push(key) - 1, kind: key.kind, bits: key.bits };
    } catch (thrown) {
      const { code, message } = asSluiceError(thrown);
      return { code, message };
    }
  }
}
