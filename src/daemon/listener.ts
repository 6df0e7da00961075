/**
 * An address on which the service accepts requests of any protocol: an HTTP server, a UDP socket. The end of an idle
 * service and a stop use only this interface.
 */
export interface Listener {
  /** For people and scripts: `http://127.0.0.1:8080`, `unix:/run/sluice/http.sock`. */
  readonly address: string;
  /** Whether a client is being served: a connection is open, a transfer is running. Must change without delay. */
  readonly busy: boolean;
  /** Sets the function to call each time `busy` may have changed. Called at most once. */
  watch(changed: () => void): void;
  /**
   * Must stop accepting synchronously, and must send the last answers to connected clients. After `idle` resolves there
   * are no further answers: clients that are still connected soon afterwards must be disconnected. Must resolve when no
   * client is connected, and must not reject. May be called again.
   * @param idle - resolves when the running update has ended; must not reject
   */
  close(idle: Promise<void>): Promise<void>;
}
