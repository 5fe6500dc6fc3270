/**
 * Our side of an exchange: numbered packets of random sizes go out as fast as the link takes them, while the
 * peer's come in; of both directions the same is kept that the peer keeps.
 *
 *     each packet     number u32 BE, if it has 4 bytes | bytes of a random block
 *     tally           MD5 of (length u32 BE | packet) of all packets in order, and their bytes
 */
import { createHash, type Hash } from "node:crypto";
import {
  LanClient,
  type LanError,
  LanServer,
  type Leave,
  type LinkClient,
  type LinkServer,
  NetClient,
  type NetClientOptions,
  NetServer,
  type NetServerOptions,
  Packet,
  type SessionId,
} from "../../src/index.ts";
import { Random } from "../../src/testing.ts";

export interface ExchangePlan {
  readonly seed: number;
  readonly count: number;
  /** The longest packet in either direction. */
  readonly bytesMax: number;
}

/** What went one way. */
class Tally {
  packets = 0;
  #bytes = 0;
  readonly #md5: Hash = createHash("md5");

  add(bytes: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    this.#md5.update(length).update(bytes);
    this.#bytes += bytes.length;
    this.packets++;
  }

  /** As the peer tells its own; once. */
  told(): string {
    return `${this.#bytes} ${this.#md5.digest("hex")}`;
  }
}

export class Exchange {
  readonly sent: Tally = new Tally();
  readonly received: Tally = new Tally();
  /** How often the link had no room. */
  refusals = 0;
  /** Resolves when everything went out and came in; rejects when something went wrong. */
  readonly done: Promise<void>;
  /** Resolves when the session has ended. */
  readonly left: Promise<Leave>;
  readonly leave: (leave: Leave) => void;
  readonly fail: (error: unknown) => void;
  readonly #finish: () => void;
  readonly #plan: ExchangePlan;
  readonly #random: Random;
  readonly #block: Buffer;
  readonly #packet = new Packet();
  #isRefused = false;

  /** Packets each way. */
  readonly count: number;

  constructor(plan: ExchangePlan) {
    this.#plan = plan;
    this.count = plan.count;
    this.#random = new Random(plan.seed);
    this.#block = Buffer.from(Array.from({ length: 1024 * 1024 }, () => this.#random.integer(0, 255)));
    const done = Promise.withResolvers<void>();
    const left = Promise.withResolvers<Leave>();
    this.done = done.promise;
    this.left = left.promise;
    this.fail = done.reject;
    this.#finish = done.resolve;
    this.leave = (leave) => {
      left.resolve(leave);
      done.reject(new Error(`the session ended too early: ${leave.reason}`));
    };
  }

  /** Sends until all is sent or the link has no room; to be called again when it has. */
  pump(send: (packet: Packet) => boolean): void {
    while (this.sent.packets < this.#plan.count) {
      if (!this.#isRefused) this.#writeNext();
      this.#isRefused = !send(this.#packet);
      if (this.#isRefused) {
        this.refusals++;
        return;
      }
      this.sent.add(this.#packet.bytes);
    }
    this.#finishWhenDone();
  }

  take(packet: Packet): void {
    const number = this.received.packets;
    if (packet.length >= 4 && packet.readUint32(false) !== number) {
      this.fail(new Error(`packet ${number} came out of order: ${packet.rewind().readUint32(false)}`));
    }
    this.received.add(packet.bytes);
    this.#finishWhenDone();
  }

  #finishWhenDone(): void {
    const { count } = this.#plan;
    if (this.sent.packets >= count && this.received.packets >= count) this.#finish();
  }

  #writeNext(): void {
    const length = this.#random.integer(0, this.#limit());
    const at = this.#random.integer(0, this.#block.length - length);
    this.#packet.clear();
    if (length < 4) this.#packet.writeBytes(this.#block.subarray(at, at + length));
    else
      this.#packet
        .writeUint32(this.sent.packets, false)
        .writeBytes(this.#block.subarray(at + 4, at + length));
  }

  #limit(): number {
    const { bytesMax } = this.#plan;
    const percent = this.#random.integer(1, 100);
    return Math.min(bytesMax, percent <= 50 ? 200 : percent <= 80 ? 4096 : percent <= 95 ? 40_000 : bytesMax);
  }
}

/** Either class, with the exchange that goes on in it. */
export type ExchangeServer = LinkServer<NetServerOptions> & { readonly exchange: Exchange };
export type ExchangeClient = LinkClient<NetClientOptions> & { readonly exchange: Exchange };

export function lanServer(plan: ExchangePlan): ExchangeServer {
  return exchanging(LanServer, plan);
}

export function netServer(plan: ExchangePlan): ExchangeServer {
  return exchanging(NetServer, plan);
}

export function lanClient(plan: ExchangePlan): ExchangeClient {
  return clientExchanging(LanClient, plan);
}

export function netClient(plan: ExchangePlan): ExchangeClient {
  return clientExchanging(NetClient, plan);
}

function exchanging(
  Base: abstract new () => LinkServer<NetServerOptions>,
  plan: ExchangePlan,
): ExchangeServer {
  class Server extends Base {
    readonly exchange = new Exchange(plan);

    override onConnectionRequest(): boolean {
      return true;
    }
    override onClientJoin(sessionId: SessionId): void {
      this.setHostId(sessionId, "peer");
      this.onSendReady();
    }
    override onSendReady(): void {
      this.exchange.pump((packet) => this.sendPacket("peer", packet));
    }
    override onRecv(_sessionId: SessionId, packet: Packet): void {
      this.exchange.take(packet);
    }
    override onClientLeave(_sessionId: SessionId, leave: Leave): void {
      this.exchange.leave(leave);
    }
    override onError(error: LanError): void {
      this.exchange.fail(error);
    }
  }
  return new Server();
}

function clientExchanging(
  Base: abstract new () => LinkClient<NetClientOptions>,
  plan: ExchangePlan,
): ExchangeClient {
  class Client extends Base {
    readonly exchange = new Exchange(plan);

    override onEnterJoinServer(): void {
      this.onSendReady();
    }
    override onSendReady(): void {
      this.exchange.pump((packet) => this.sendPacket(packet));
    }
    override onRecv(packet: Packet): void {
      this.exchange.take(packet);
    }
    override onLeaveServer(leave: Leave): void {
      this.exchange.leave(leave);
    }
    override onSend(): void {}
    override onError(error: LanError): void {
      this.exchange.fail(error);
    }
  }
  return new Client();
}
