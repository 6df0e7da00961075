/**
 * One address on which the service takes requests, by whatever protocol: a server of HTTP, a UDP socket. What ends an
 * idle service and what stops one work on this interface alone.
 */
export interface Listener {
  /** For people and scripts: `http://127.0.0.1:8080`, `unix:/run/sluice/http.sock`. */
  readonly address: string;
  /** Whether somebody is being served: a connection is open, a transfer is under way. Must change without delay. */
  readonly busy: boolean;
  /** `changed` must be called each time `busy` may have changed. Called once at most. */
  watch(changed: () => void): void;
  /**
   * Must accept nothing new from the moment of the call, before anything is awaited, and must give those who are being
   * served their last answer. When `rest` resolves there are no more answers to come: who has not gone soon afterwards
   * must be dropped. Must resolve when nobody is served any more, and must not fail. May be called again.
   * @param rest - resolves when the update under way has ended; must not reject
   */
  close(rest: Promise<void>): Promise<void>;
}
