/**
 * The server of the soak: that of the kills, with host ids, and with the heap of a thread told on a board.
 *
 *     link says   #name    the thread names the session, moving the name from a session of it that is still there
 *     link gets   #name    it can be reached by the name from now on
 */
import { getHeapStatistics } from "node:v8";
import type { Packet, SessionId } from "../../src/index.ts";
import { packetOf, SoakServer } from "../../test/threads/fixtures/soak-server.ts";
import { collect } from "./collect.ts";

const HEAP_EVERY_MS = 1000;

/** What each thread is given. */
interface Board {
  /** Float64, two for each thread: used heap and buffers outside it, in bytes, after a collection. */
  readonly heaps: SharedArrayBuffer;
}

export class LongServer extends SoakServer {
  static override readonly module: string = import.meta.url;

  constructor() {
    super();
    const board = this.workerData as Board | undefined;
    if (board === undefined) return; // the handle
    const heaps = new Float64Array(board.heaps);
    const tell = (): void => {
      collect();
      const { used_heap_size, external_memory } = getHeapStatistics();
      heaps[2 * this.thread] = used_heap_size;
      heaps[2 * this.thread + 1] = external_memory;
    };
    setInterval(tell, HEAP_EVERY_MS).unref();
  }

  override onRecv(id: SessionId, packet: Packet): void {
    const [first] = packet.bytes;
    if (first !== "#".charCodeAt(0)) {
      super.onRecv(id, packet);
      return;
    }
    const text = Buffer.from(packet.bytes).toString();
    if (this.setHostId(id, text.slice(1), { replace: true })) this.sendPacket(id, packetOf(text));
  }
}
