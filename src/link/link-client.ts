/**
 * The dialling side, by inheritance: what LanClient and NetClient are. Options in, engine or thread behind, events
 * out. The two differ in the options they read.
 */
import { LanError } from "../base/errors.ts";
import { flag, readOptions } from "../base/options.ts";
import { type ClientDriver, ClientEngine, callersClientPlace } from "../engine/client-engine.ts";
import type { ClientSettings } from "../engine/link-settings.ts";
import type { ClientStats } from "../engine/stats.ts";
import type { Packet } from "../packet/packet.ts";
import type { Leave } from "../session/leave.ts";
import { assertNotLoading, referTo, runsOnThreads } from "../threads/boot.ts";
import { ClientHost } from "../threads/client-host.ts";
import { ClientThread } from "../threads/client-thread.ts";
import { dataForThread } from "../threads/crew.ts";
import { giveWorkerData, hasBatchHooks, LinkEnd, NO_STATS } from "./link-end.ts";
import type { LinkClientOptions } from "./options.ts";
import { threadSettings } from "./settings.ts";

/** Checks a client's options. @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
type ReadOptions<Options> = (options: Options) => ClientSettings;

/**
 * A client. Events run on the caller's thread, or, with the option `workerThreads: 1`, on a thread of the client's own (then
 * the subclass says `static module = import.meta.url`, its module exports it, and the thread makes an instance
 * without arguments). They run one after another: nothing called inside an event runs another event
 * before the first returns. An event that throws or rejects is reported by `onError` (EVENT_THREW) and breaks
 * nothing else. `onEnterJoinServer` and `onLeaveServer` alternate strictly; `onRecv` comes only between them.
 */
export abstract class LinkClient<Options extends LinkClientOptions> extends LinkEnd {
  static {
    runsOnThreads<LinkClient<never>>(LinkClient, (instance, message, port) => {
      if (message.kind !== "connect") throw new TypeError("a client's thread is told to be a server");
      instance.#driver = new ClientThread(instance, message, port, hasBatchHooks(instance));
    });
  }

  readonly #read: ReadOptions<Options>;
  #driver: ClientDriver | undefined;

  /** @internal */
  constructor(read: ReadOptions<Options>) {
    super();
    this.#read = read;
  }

  /**
   * Connects; resolves after `onEnterJoinServer`. Without `reconnect` it rejects at the first failure; with it, it
   * tries until it joined or `signal` says stop, tells each failure to `onError`, and connects again after
   * each leave until `disconnect`. May be called again once that is over; each connection starts clean.
   * @throws LanError OPTION_UNKNOWN, OPTION_INVALID, ALREADY_RUNNING, CONNECT_FAILED, CONNECT_TIMEOUT, CONNECT_ABORTED
   */
  async connect(options: Options): Promise<void> {
    if (this.#driver !== undefined)
      throw new LanError("ALREADY_RUNNING", "Cannot connect: the client already does");
    assertNotLoading("connect");
    const driver = this.#driverFor(options);
    this.#driver = driver;
    const { joined, over } = driver.connect();
    const forget = over.then(() => {
      this.#driver = undefined;
    });
    try {
      await joined;
    } catch (error) {
      await forget; // so that connect() may be called again at once
      throw error;
    }
  }

  /**
   * Leaves, and connects no more. What was taken goes out first, for at most `disconnectDrainMs`; with `now` the
   * connection is reset. Resolves after `onLeaveServer` (`disconnected`); no event comes after that. A
   * `connect` under way rejects with CONNECT_ABORTED. Does nothing where there is no connection.
   */
  async disconnect(options: { now?: boolean } = {}): Promise<void> {
    const { now = false } = readOptions(options, ["now"], "disconnect");
    await this.#driver?.disconnect(flag("now", now));
  }

  /**
   * Takes a packet for the server, in order behind what was taken before; answers at once. After true the
   * packet may be reused: its bytes were copied, or, for a large one, its buffer was given away (a `bytes`
   * view ends there). False: not joined, leaving, or the queue is at `sendQueueBytesMax`; then nothing of the
   * packet is sent, and `onSendReady` tells when a full queue has room again.
   * @throws LanError PACKET_TOO_LARGE (over `packetBytesMax`), PACKET_EMPTY (while heartbeats are on), PACKET_INVALID
   */
  sendPacket(packet: Packet): boolean {
    return this.#driver?.sendPacket(packet) ?? false;
  }

  /** Figures since `connect`, over all its connections; all zero where the client is idle. */
  stats(): ClientStats {
    return this.#driver?.stats() ?? { ...IDLE_STATS, atMs: Date.now() };
  }

  /** Joined: from here on `sendPacket` takes packets. */
  abstract onEnterJoinServer(): void;
  /** The connection has ended and its descriptor is closed: exactly once per join. */
  abstract onLeaveServer(leave: Leave): void;
  /**
   * A packet arrived. It is read-only and stays valid for as long as it is kept, with the memory it arrived in;
   * `copy()` is for keeping a few of many. While a returned promise is pending the next `onRecv` waits, and
   * reading stops at `receiveQueueBytesMax`.
   */
  abstract onRecv(packet: Packet): void | Promise<void>;
  /** A write completed: the kernel took `sendSize` bytes, headers and heartbeats included. */
  abstract onSend(sendSize: number): void;
  /** Something failed; `error.code` says what. With `reconnect`, each failed attempt is told here. */
  abstract onError(error: LanError): void;
  /** A queue that refused a packet has room for it again. */
  onSendReady(): void {}

  #driverFor(options: Options): ClientDriver {
    const settings = this.#read(options);
    const threads = threadSettings(options, 1, settings);
    if (threads !== null) return new ClientHost(this, referTo(this.constructor), settings, threads);
    giveWorkerData(this, dataForThread(options.workerData, 0).data);
    return new ClientEngine(this, settings, hasBatchHooks(this), callersClientPlace());
  }
}

const IDLE_STATS: Omit<ClientStats, "atMs"> = { ...NO_STATS, joined: 0 };
