/**
 * Acknowledgements beside the peer, for what has no back-pressure of its own (a broadcast, a broker): the
 * receiving process tells how far its slowest link is, the sender keeps a bounded distance. A few writes per
 * thousand messages, the same for every peer that needs it.
 */
import { once } from "node:events";
import * as net from "node:net";
import type { Plan } from "./plan.ts";

/** Messages that may be on their way: about 4 MiB per link, at least two bursts, at most 2000 or four bursts. */
export function creditOf(plan: Plan): number {
  const mean = plan.sizes.reduce((sum, size) => sum + size, 0) / plan.sizes.length;
  return Math.max(2 * plan.burst, Math.min(Math.max(2000, 4 * plan.burst), Math.floor((4 << 20) / mean)));
}

/** One end of the side channel; the server process listens. */
export class CreditChannel {
  /** How far the receiving process said it is. */
  acknowledged = 0;
  /** Called after `acknowledged` grew. */
  onAcknowledged: () => void = () => {};
  #socket: net.Socket | undefined;

  async listen(): Promise<number> {
    const server = net.createServer({ noDelay: true }, (socket) => this.#attach(socket));
    server.listen(0, "127.0.0.1").unref();
    await once(server, "listening");
    return (server.address() as net.AddressInfo).port;
  }

  async connect(port: number): Promise<void> {
    const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    this.#attach(socket);
  }

  acknowledge(count: number): void {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32LE(count);
    this.#socket?.write(bytes);
  }

  #attach(socket: net.Socket): void {
    this.#socket = socket;
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = rest.length - (rest.length % 4);
      if (whole === 0) return;
      this.acknowledged = rest.readUInt32LE(whole - 4);
      rest = rest.subarray(whole);
      this.onAcknowledged();
    });
    // The other process ends first; that is no failure here.
    socket.on("error", () => {});
  }
}
