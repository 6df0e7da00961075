import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { peerOfAddress } from './peer.js';
import { isTinyChunkFlood } from './tiny-chunks.js';
import { silenceParser } from './parser.js';

interface Connection {
  readonly socket: Socket;
  /** See peerOf. */
  readonly peer: string;
  /** The request that is being answered; null: none. */
  request: IncomingMessage | null;
}

/** Connections on which a request is being answered. */
const answering = new WeakSet<Socket>();

/** Pipelined requests, each with the function that restores the parser of its connection. */
const pipelined = new WeakMap<IncomingMessage, () => void>();

/**
 * A request as Node's parser creates it. A pipelined request, one that arrives while the request before it is being
 * answered, is reported to the server as an upgrade: it is not answered, and its connection is closed. Current clients do
 * not pipeline. Two thousand requests fit into one read: up to Node 24 the parser stops at an upgrade, later versions
 * parse all of them.
 */
export class Request extends IncomingMessage {
  #pieces = 0;
  #bytes = 0;

  /** Read by the parser. A real upgrade request of a client is handled as an ordinary request. */
  get upgrade(): boolean {
    return pipelined.has(this);
  }

  /** Set by the parser at the end of the head. */
  set upgrade(_asked: boolean) {
    if (answering.has(this.socket)) pipelined.set(this, silenceParser(this.socket));
  }

  /**
   * Called by the parser for each chunk of the body: ten thousand times for one read if each chunk has one byte. Only
   * authorized clients may do that; two hundred others could occupy the processor.
   */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk instanceof Uint8Array) {
      this.#pieces++;
      this.#bytes += chunk.length;
      if (isTinyChunkFlood(this.#pieces, this.#bytes) && !authorized.has(this)) return this.#cut();
    }
    return super.push(chunk, encoding);
  }

  /** Closes the connection at this chunk, without parsing the rest of the read. */
  #cut(): boolean {
    if (this.socket.destroyed) return false;
    this.socket.destroy();
    silenceParser(this.socket);
    return false;
  }
}

/** Closes the connection of a pipelined request. Handles the upgrade event of the server. */
export function rejectPipelined(request: IncomingMessage, stream: Duplex): void {
  pipelined.get(request)?.();
  stream.destroy();
}

/** Requests whose client has the right for them. */
const authorized = new WeakSet<IncomingMessage>();

/** Records that a request is allowed: its connection is not closed to make room for another. */
export const markAuthorized = (request: IncomingMessage): void => void authorized.add(request);

/**
 * The connections of one listening address. If there is no room for a new connection, an idle one is closed: a client
 * that holds all connections, with endless requests or none, must not lock out others.
 */
export class Connections {
  readonly #max: number;
  /** Least recently active first. */
  readonly #open = new Map<string | Socket, Connection>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Adds a connection, or closes it if there is no room. */
  add(socket: Socket): void {
    const { remoteAddress } = socket;
    const peer = remoteAddress === undefined ? 'local' : peerOfAddress(remoteAddress);
    const fresh: Connection = { socket, peer, request: null };
    if (this.#open.size >= this.#max && !this.#makeRoom()) return void socket.destroy();
    const key = keyOf(socket);
    this.#open.set(key, fresh);
    socket.once('close', () => {
      if (this.#open.get(key) === fresh) this.#open.delete(key);
    });
    return undefined;
  }

  /**
   * A request begins. Until its answer is complete its connection accepts no other: see Request.
   */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    answering.add(socket);
    const key = keyOf(socket);
    const connection = this.#open.get(key);
    if (connection !== undefined) {
      connection.request = request;
      this.#touch(key, connection);
    }
    response.once('close', () => {
      answering.delete(socket);
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
   * Closes a connection without an authorized request: the least recently active one of the client that has most of them.
   * @returns false if there is none
   */
  #makeRoom(): boolean {
    const idle = new Map<string, { count: number; readonly oldest: string | Socket }>();
    for (const [key, { peer, request }] of this.#open) {
      if (request !== null && authorized.has(request)) continue;
      const ofPeer = idle.get(peer);
      if (ofPeer === undefined) idle.set(peer, { count: 1, oldest: key });
      else ofPeer.count++;
    }
    const [largest] = [...idle.values()].sort((a, b) => b.count - a.count);
    if (largest === undefined) return false;
    this.#open.get(largest.oldest)?.socket.destroy();
    this.#open.delete(largest.oldest);
    return true;
  }
}

/** Of both sockets of a TLS connection, the TLS one and the one below: their remote ends are the same. */
const keyOf = (socket: Socket): string | Socket =>
  socket.remoteAddress === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`;
