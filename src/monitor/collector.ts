/**
 * The monitor's listening side: reads what servers report and hands it on, batch by batch, as plain data that can
 * cross threads. It keeps nothing and judges nothing: `reception.ts` does, on the monitor's own thread.
 *
 *     server --20001, 20002--> Collector, on the monitor's thread or on worker threads --CollectorEvent[]--> reception
 *
 * Bounded: a batch is what one callback of the event loop leads to, so at most what one read holds.
 */
import type { MessagePort } from "node:worker_threads";
import type { LanError } from "../base/errors.ts";
import type { ClientInfo } from "../engine/server-contract.ts";
import { LanServer } from "../lan/lan-server.ts";
import type { Packet } from "../packet/packet.ts";
import type { Leave } from "../session/leave.ts";
import type { SessionId } from "../session/session-id.ts";
import { type ReportMessage, readReport } from "./protocol.ts";

export type CollectorEvent =
  | { readonly kind: "connected"; readonly sessionId: SessionId; readonly address: string }
  | { readonly kind: "said"; readonly sessionId: SessionId; readonly message: ReportMessage }
  | { readonly kind: "gone"; readonly sessionId: SessionId; readonly reason: string }
  | { readonly kind: "failed"; readonly text: string };

/** What the option `workerData` gives each worker thread. */
interface CollectorData {
  /** Takes batches to the monitor's thread. */
  readonly port: MessagePort;
}

export class Collector extends LanServer {
  /** Worker threads load the class from here. */
  static readonly module: string = import.meta.url;

  /**
   * Where batches go: whoever made this instance sets it. A worker thread makes an instance of its own; what
   * happens there goes through the port that `workerData` brings.
   */
  emit: (events: readonly CollectorEvent[]) => void = portOf(this.workerData);

  #batch: CollectorEvent[] = [];
  readonly #flush = (): void => {
    const events = this.#batch;
    this.#batch = [];
    this.emit(events);
  };

  override onConnectionRequest(): boolean {
    return true;
  }

  override onClientJoin(sessionId: SessionId, { ip, port }: ClientInfo): void {
    this.#tell({
      kind: "connected",
      sessionId,
      address: ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`,
    });
  }

  override onRecv(sessionId: SessionId, packet: Packet): void {
    this.#tell({ kind: "said", sessionId, message: readReport(packet) });
  }

  override onClientLeave(sessionId: SessionId, { reason }: Leave): void {
    this.#tell({ kind: "gone", sessionId, reason });
  }

  override onError(error: LanError): void {
    this.#tell({ kind: "failed", text: `${error.code}: ${error.message}` });
  }

  /** Not by the batch hooks: a handle, which tells of threads that died, has none. */
  #tell(event: CollectorEvent): void {
    if (this.#batch.push(event) === 1) process.nextTick(this.#flush);
  }
}

function portOf(workerData: unknown): (events: readonly CollectorEvent[]) => void {
  const data = workerData as CollectorData | undefined;
  return data === undefined ? () => {} : (events) => data.port.postMessage(events);
}
