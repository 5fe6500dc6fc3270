/**
 * The accepting side, by inheritance: what LanServer and NetServer are. Options in, engine or threads behind,
 * events out. The two differ in the options they read.
 */
import { LanError } from "../base/errors.ts";
import { flag, milliseconds, readOptions } from "../base/options.ts";
import type { AddressLists, ServerSettings } from "../engine/link-settings.ts";
import {
  type ClientInfo,
  callersPlace,
  type ListenAddress,
  type ServerDriver,
} from "../engine/server-contract.ts";
import { ServerEngine } from "../engine/server-engine.ts";
import type { ServerStats, SessionStats } from "../engine/stats.ts";
import type { Packet } from "../packet/packet.ts";
import type { Leave } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { assertNotLoading, referTo, runsOnThreads } from "../threads/boot.ts";
import { dataForThread } from "../threads/crew.ts";
import { ServerHost } from "../threads/server-host.ts";
import { ServerThread } from "../threads/server-thread.ts";
import { THREADS_MAX } from "../threads/shared-memory.ts";
import { giveWorkerData, hasBatchHooks, LinkEnd, NO_STATS } from "./link-end.ts";
import { DISCONNECT_DRAIN_MS, type LinkServerOptions } from "./options.ts";
import { threadSettings } from "./settings.ts";

type ServerState =
  | { readonly at: "idle" }
  | { readonly at: "starting"; readonly started: Promise<unknown> }
  | { readonly at: "running"; readonly driver: ServerDriver }
  | { readonly at: "stopping"; readonly driver: ServerDriver; readonly stopped: Promise<void> };

const IDLE: ServerState = { at: "idle" };

/** Checks a server's options. @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
type ReadOptions<Options> = (options: Options) => ServerSettings;

/**
 * A server. Events run on the caller's thread, or, with the option `workerThreads`, on threads of the server's own (then the
 * subclass says `static module = import.meta.url`, its module exports it, and each thread makes an instance
 * without arguments). On each thread they run one after another: nothing called inside an event runs another event
 * before the first returns. An event that throws or rejects is reported by `onError` (EVENT_THREW) and breaks
 * nothing else. Per session: `onConnectionRequest`, `onClientJoin`, any number of `onRecv`, `onClientLeave`.
 */
export abstract class LinkServer<Options extends LinkServerOptions> extends LinkEnd {
  static {
    runsOnThreads<LinkServer<never>>(LinkServer, (instance, message, port) => {
      if (message.kind !== "serve") throw new TypeError("a server's thread is told to be a client");
      instance.#state = {
        at: "running",
        driver: new ServerThread(instance, message, port, hasBatchHooks(instance)),
      };
    });
  }

  readonly #read: ReadOptions<Options>;
  #state: ServerState = IDLE;
  /** Generations of session ids that earlier starts gave out: an id never reaches a session of a later one. */
  #generations = 0;

  /** @internal */
  constructor(read: ReadOptions<Options>) {
    super();
    this.#read = read;
  }

  /**
   * Listens; resolves with the address once connections are accepted, with the real port where 0 was asked for.
   * @throws LanError OPTION_UNKNOWN, OPTION_INVALID, ALREADY_RUNNING, LISTEN_FAILED (nothing is left behind).
   */
  async start(options: Options): Promise<ListenAddress> {
    if (this.#state.at !== "idle")
      throw new LanError("ALREADY_RUNNING", `Cannot start: the server is ${this.#state.at}`);
    assertNotLoading("start");
    const driver = this.#driverFor(options);
    const started = driver.listen();
    this.#state = { at: "starting", started };
    try {
      const address = await started;
      this.#state = { at: "running", driver };
      return address;
    } catch (error) {
      this.#state = IDLE;
      throw error;
    }
  }

  /**
   * Accepts no more, lets every session's taken packets out for at most `drainMs` (default 5 000 ms), runs
   * every leave (`server-stopped`) and resolves, at the latest 100 ms after `drainMs`. No event comes after
   * that, and the server may start again. Does nothing where the server is idle; a start that is under way
   * is waited for first.
   * @throws LanError OPTION_UNKNOWN, OPTION_INVALID
   */
  async stop(options: { drainMs?: number } = {}): Promise<void> {
    const { drainMs = DISCONNECT_DRAIN_MS } = readOptions(options, ["drainMs"], "stop");
    milliseconds("drainMs", drainMs);
    const state = this.#state;
    if (state.at === "starting") {
      await state.started.catch(() => {}); // start() itself tells
      return this.stop({ drainMs });
    }
    if (state.at === "stopping") return state.stopped;
    if (state.at === "idle") return;
    const stopped = state.driver.stop(drainMs).then(() => {
      this.#generations = state.driver.newestGeneration;
      this.#state = IDLE;
    });
    this.#state = { at: "stopping", driver: state.driver, stopped };
    return stopped;
  }

  /** Sessions that joined and have not left. */
  getSessionCount(): number {
    return this.#driver?.sessionCount ?? 0;
  }

  /**
   * Ends a session. What was taken goes out first, for at most `disconnectDrainMs`; with `now` it is reset.
   * `onRecv` and sending end at once, `onClientLeave` (`disconnected`) follows.
   * @returns false where there is no such session or it is leaving already.
   */
  disconnect(target: SessionId | HostId, options: { now?: boolean } = {}): boolean {
    const { now = false } = readOptions(options, ["now"], "disconnect");
    return this.#driver?.disconnect(target, flag("now", now)) ?? false;
  }

  /**
   * Takes a packet for a session, in order behind what was taken before; answers at once. After true the packet
   * may be reused: its bytes were copied, or, for a large one, its buffer was given away (a `bytes` view ends
   * there). False: no such session, it is leaving, or its queue is at `sendQueueBytesMax`; then nothing of the
   * packet is sent, and `onSendReady` tells when a full queue has room again.
   * @throws LanError PACKET_TOO_LARGE (over `packetBytesMax`), PACKET_EMPTY (while heartbeats are on), PACKET_INVALID
   */
  sendPacket(target: SessionId | HostId, packet: Packet): boolean {
    return this.#driver?.sendPacket(target, packet) ?? false;
  }

  /**
   * Takes a packet for `targets`, or for all sessions; encoded once.
   * @returns how many took it.
   * @throws LanError as `sendPacket`
   */
  broadcast(packet: Packet, targets?: Iterable<SessionId | HostId>): number {
    return this.#driver?.broadcast(packet, targets) ?? 0;
  }

  /**
   * Gives a session a lasting name, by which every target may be told. A session has one at most: a new one
   * takes the old one's place. The name ends with the session.
   * @param options - `replace`: a name in use moves here, and the old session stays, nameless. Default false.
   * @returns false where the session is gone or leaving, or the name is in use and `replace` is not given.
   * @throws LanError HOST_ID_INVALID when it is empty or longer than 255.
   */
  setHostId(sessionId: SessionId, hostId: HostId, options: { replace?: boolean } = {}): boolean {
    const { replace = false } = readOptions(options, ["replace"], "set the host id");
    return this.#driver?.setHostId(sessionId, hostId, flag("replace", replace)) ?? false;
  }

  /** Who may connect from now on; sessions that exist stay. Nothing where the server is idle. */
  protected setAddresses(lists: AddressLists): void {
    this.#driver?.setAddresses(lists);
  }

  /** Figures since `start`; all zero where the server is idle. `rates(before, after)` gives them per second. */
  stats(): ServerStats {
    return this.#driver?.stats() ?? { ...IDLE_STATS, atMs: Date.now() };
  }

  /** One session's figures, or undefined where there is no such session. */
  sessionStats(target: SessionId | HostId): SessionStats | undefined {
    return this.#driver?.sessionStats(target);
  }

  /**
   * Right after accept, before any memory is made: anything but true refuses, and the peer is reset. Asked only
   * where the allow list and `maxSessions` leave room.
   * @param ip - the peer's address; "" on a local socket
   * @param port - the peer's port; 0 on a local socket
   */
  abstract onConnectionRequest(ip: string, port: number): boolean;
  /** A session begins. From here on `sendPacket` takes packets for it. */
  abstract onClientJoin(sessionId: SessionId, client: ClientInfo): void;
  /** A session has ended and its descriptor is closed: exactly once per join, and the last event of the session. */
  abstract onClientLeave(sessionId: SessionId, leave: Leave): void;
  /**
   * A packet arrived. It is read-only and stays valid for as long as it is kept, with the memory it arrived in;
   * `copy()` is for keeping a few of many. While a returned promise is pending the session's next `onRecv`
   * waits, and its reading stops at `receiveQueueBytesMax`.
   */
  abstract onRecv(sessionId: SessionId, packet: Packet): void | Promise<void>;
  /** Something failed; the server goes on. `error.code` says what, `error.sessionId` whose. */
  abstract onError(error: LanError): void;
  /** A write completed: the kernel took `sendSize` bytes, headers and heartbeats included. */
  onSend(_sessionId: SessionId, _sendSize: number): void {}
  /** A session whose queue refused a packet has room for it again. */
  onSendReady(_sessionId: SessionId): void {}

  #driverFor(options: Options): ServerDriver {
    const settings = this.#read(options);
    const threads = threadSettings(options, THREADS_MAX, settings);
    if (threads === null) {
      giveWorkerData(this, dataForThread(options.workerData, 0).data);
      return new ServerEngine(
        this,
        settings,
        hasBatchHooks(this),
        callersPlace(settings.maxSessions, this.#generations),
      );
    }
    const onStopAsked = (drainMs: number): void => void this.stop({ drainMs });
    return new ServerHost(this, referTo(this.constructor), settings, threads, this.#generations, onStopAsked);
  }

  get #driver(): ServerDriver | undefined {
    const state = this.#state;
    return state.at === "running" || state.at === "stopping" ? state.driver : undefined;
  }
}

const IDLE_STATS: Omit<ServerStats, "atMs"> = { ...NO_STATS, accepted: 0, refused: 0, refusedBy: {} };
