import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { peerOfAddress } from './peer.js';
import { isTinyChunkFlood } from './tiny-chunks.js';
import { silenceParser } from './parser.js';

interface Connection {
  readonly socket: Socket;
  /** Who is counted as one sender, see peerOf. */
  readonly peer: string;
  /** The request that is being answered. */
  request: IncomingMessage | null;
}

/** Connections on which a request is being answered. */
const engaged = new WeakSet<Socket>();

/** Requests that came on them all the same, and what makes the parsers of their connections fit for others again. */
const hasty = new WeakMap<IncomingMessage, () => void>();

/**
 * A request as Node's parser makes it. One that comes while the request before it is being answered (pipelining, which
 * no client of today does) is told to the server as an upgrade, so that nobody answers it, and ends its connection. Two
 * thousand requests fit into one read: up to Node 24 an upgrade makes the parser stop there, later ones go on through
 * all of them.
 */
export class Request extends IncomingMessage {
  #pieces = 0;
  #bytes = 0;

  /** What the parser asks. An upgrade that a client asks for is not taken: it is a request like any other. */
  get upgrade(): boolean {
    return hasty.has(this);
  }

  /** Called by the parser when the head has come. */
  set upgrade(_asked: boolean) {
    if (engaged.has(this.socket)) hasty.set(this, silenceParser(this.socket));
  }

  /**
   * Called by the parser for each piece of the body: for each chunk, ten thousand times for one read where they have a
   * byte each. Those who may send something can do it like that; two hundred strangers would take all of the processor.
   */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk instanceof Uint8Array) {
      this.#pieces++;
      this.#bytes += chunk.length;
      if (isTinyChunkFlood(this.#pieces, this.#bytes) && !authorized.has(this)) return this.#cut();
    }
    return super.push(chunk, encoding);
  }

  /** Ends it at this piece, not at the end of what was read together with it. */
  #cut(): boolean {
    if (this.socket.destroyed) return false;
    this.socket.destroy();
    silenceParser(this.socket);
    return false;
  }
}

/** Ends the connection of a request that did not wait for its turn: what Node calls an upgrade. */
export function rejectPipelined(request: IncomingMessage, stream: Duplex): void {
  hasty.get(request)?.();
  stream.destroy();
}

/** Requests whose sender was allowed to make them. */
const authorized = new WeakSet<IncomingMessage>();

/** Notes that a request was allowed: its connection is not closed to make room for another one. */
export const markAuthorized = (request: IncomingMessage): void => void authorized.add(request);

/**
 * The connections of one address that is listened on. When there is no room for a new one, it is made: whoever takes
 * all places, with requests that never end or with none at all, must not lock out those who have something to say.
 */
export class Connections {
  readonly #most: number;
  /** Those that have shown something least recently come first. */
  readonly #open = new Map<string | Socket, Connection>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#open.size;
  }

  /** A connection has come. */
  add(socket: Socket): void {
    const { remoteAddress } = socket;
    const peer = remoteAddress === undefined ? 'local' : peerOfAddress(remoteAddress);
    const fresh: Connection = { socket, peer, request: null };
    if (this.#open.size >= this.#most && !this.#makeRoom()) return void socket.destroy();
    const key = keyOf(socket);
    this.#open.set(key, fresh);
    socket.once('close', () => {
      if (this.#open.get(key) === fresh) this.#open.delete(key);
    });
    return undefined;
  }

  /**
   * A request has come. Until its answer is given its connection takes no other one: see Request.
   */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    engaged.add(socket);
    const key = keyOf(socket);
    const connection = this.#open.get(key);
    if (connection !== undefined) {
      connection.request = request;
      this.#touch(key, connection);
    }
    response.once('close', () => {
      engaged.delete(socket);
      if (connection === undefined) return;
      connection.request = null;
      if (this.#open.get(key) === connection) this.#touch(key, connection);
    });
  }

  #touch(key: string | Socket, connection: Connection): void {
    this.#open.delete(key);
    this.#open.set(key, connection);
  }

  /**
   * Closes a connection on which nothing is done that was allowed: of the sender who has most of them the one that has
   * shown nothing for the longest time.
   * @returns false when there is none
   */
  #makeRoom(): boolean {
    const idle = new Map<string, { count: number; readonly oldest: string | Socket }>();
    for (const [key, { peer, request }] of this.#open) {
      if (request !== null && authorized.has(request)) continue;
      const those = idle.get(peer);
      if (those === undefined) idle.set(peer, { count: 1, oldest: key });
      else those.count++;
    }
    const [most] = [...idle.values()].sort((a, b) => b.count - a.count);
    if (most === undefined) return false;
    this.#open.get(most.oldest)?.socket.destroy();
    this.#open.delete(most.oldest);
    return true;
  }
}

/** TLS has a socket of its own above the one that has connected; the other end is the same. */
const keyOf = (socket: Socket): string | Socket =>
  socket.remoteAddress === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`;
