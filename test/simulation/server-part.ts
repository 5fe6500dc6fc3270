/**
 * The server of a history: a LanServer whose every call is foretold and whose every event is looked at.
 *
 *      operation, handler --> call --> foretold answer == the library's answer
 *      the library --> event --> End, names, counts --> what the handler does
 */
import {
  type ClientInfo,
  type LanError,
  LanServer,
  type Leave,
  Packet,
  type ServerStats,
  type SessionId,
} from "../../src/index.ts";
import { Account } from "./account.ts";
import { type Content, contentOf, packetOf } from "./content.ts";
import { End } from "./end.ts";
import { BatchHooks, type Handling, handle, refusesTwice } from "./handlers.ts";
import { type ObservedConnection, ObservedNetwork } from "./observed-network.ts";
import type { World } from "./world.ts";

/** How much later than `drainMs` a stop may resolve. */
const STOP_LATE_MS = 100;

export class ServerPart extends LanServer {
  readonly world: World;
  /** Sessions that joined and did not leave, in the order of their joins. */
  readonly ends: Map<SessionId, End> = new Map();
  readonly leftIds: SessionId[] = [];
  phase: "idle" | "starting" | "running" | "stopping" = "idle";
  readonly #ids = new WeakMap<End, SessionId>();
  readonly #usedIds = new Set<SessionId>();
  readonly #names = new Map<string, End>();
  readonly #network: ObservedNetwork;
  readonly #hooks: BatchHooks | undefined;
  readonly #packet = new Packet();
  account: Account = new Account();
  readonly connections: Map<End, ObservedConnection> = new Map();
  #joining: End | undefined;
  /** What must become of the connection that came in last: it is asked about, refused or accepted. */
  #fate: "ask" | "refuse" | "accept" = "refuse";

  constructor(world: World) {
    super();
    this.world = world;
    this.#network = new ObservedNetwork(world, {
      joining: (link, connection) => {
        const name = `${link.name} S`;
        const end = new End(name, world, link, "acceptor", world.plan.server.limits);
        this.connections.set(end, connection);
        if (this.#fate !== "accept") world.fail("server", `accepted what it should ${this.#fate}`);
        this.#joining = end;
        return end;
      },
      incoming: () => {
        const isFull = this.ends.size >= world.plan.server.options.maxSessions!;
        this.#fate = isFull || this.phase === "stopping" ? "refuse" : "ask";
      },
      refused: () => {
        if (this.#fate !== "refuse" && this.phase !== "stopping")
          world.fail("server", "refused without a reason");
        this.account.refused++;
        world.count("outcome: refused");
      },
    });
    if (world.plan.server.hasBatchHooks) {
      const hooks = new BatchHooks(world, "server");
      this.#hooks = hooks;
      this.onWorkerThreadBegin = () => hooks.begin();
      this.onWorkerThreadEnd = () => hooks.end();
    }
  }

  // What is done to it.

  begin(): void {
    const { world } = this;
    if (this.phase !== "idle") {
      refusesTwice(world, "server", this.start({ ...world.plan.server.options, network: this.#network }));
      return;
    }
    this.phase = "starting";
    this.account = new Account();
    this.start({ ...this.world.plan.server.options, network: this.#network }).then(
      () => {
        this.phase = "running";
        this.world.count("outcome: started");
      },
      (error: Error) => this.world.fail("server", `start rejected: ${error.message}`),
    );
  }

  async halt(drainMs: number): Promise<void> {
    if (this.phase !== "running" && this.phase !== "stopping") return;
    const { world, account } = this;
    if (this.phase === "running") {
      this.phase = "stopping";
      account.stopping = { drainMs, atMs: world.nowMs, blockedMs: world.clock.blockedMs };
      for (const end of this.ends.values()) {
        end.drain("server-stopped", drainMs);
        end.drainDeadlineMs = Math.min(end.drainDeadlineMs, world.nowMs + drainMs);
      }
      world.count("outcome: stopped");
    }
    await this.stop({ drainMs });
    const { stopping } = account;
    const tookMs = world.nowMs - stopping.atMs - (world.clock.blockedMs - stopping.blockedMs);
    if (tookMs > stopping.drainMs + STOP_LATE_MS) world.fail("server", `stop took ${tookMs} ms`);
    if (this.account !== account) return;
    if (this.ends.size > 0) world.fail("server", `stop resolved with ${this.ends.size} sessions`);
    this.phase = "idle";
  }

  /** Sends a packet of `size` by session id or host id. */
  send(target: SessionId | string, size: number): boolean {
    const number = this.world.nextPacket(size);
    if (number === undefined) return false;
    const content = contentOf(number, size);
    return this.#send(target, content, packetOf(number, content, this.#packet));
  }

  /** Sends a received packet on. */
  forward(target: SessionId | string, packet: Packet, content: Content): boolean {
    if (this.world.nextPacket(content.size) === undefined) return false;
    return this.#send(target, content, packet);
  }

  broadcastTo(targets: readonly (SessionId | string)[] | undefined, size: number): void {
    const number = this.world.nextPacket(size * (targets?.length ?? this.ends.size));
    if (number === undefined) return;
    const content = contentOf(number, size);
    const ends = targets === undefined ? [...this.ends.values()] : targets.map((target) => this.find(target));
    let wanted = 0;
    for (const end of ends) if (this.#takes(end, content)) wanted++;
    const taken = this.broadcast(packetOf(number, content, this.#packet), targets);
    this.world.note("server", "broadcast", taken, size);
    if (taken !== wanted) this.world.fail("server", `broadcast was taken by ${taken}, not by ${wanted}`);
  }

  kick(target: SessionId | string, now: boolean): void {
    const end = this.find(target);
    const { disconnectDrainMs } = this.world.plan.server.limits;
    const wanted = now ? end?.cutShort("disconnected") : end?.drain("disconnected", disconnectDrainMs);
    const done = this.disconnect(target, now ? { now } : {});
    this.world.note("server", "disconnect", Number(done), Number(now));
    if (done !== (wanted ?? false)) this.world.fail("server", `disconnect said ${done}`);
  }

  name(id: SessionId, hostId: string, replace: boolean): void {
    const end = this.ends.get(id);
    const holder = this.#names.get(hostId);
    const wanted = end?.phase === "open" && (holder === undefined || holder === end || replace);
    const done = this.setHostId(id, hostId, { replace });
    this.world.note("server", "set host id", Number(done));
    if (done !== wanted) this.world.fail("server", `setHostId said ${done}`);
    if (!done || holder === end) return;
    this.#unname(end!);
    this.#names.set(hostId, end!);
  }

  find(target: SessionId | string): End | undefined {
    return typeof target === "string" ? this.#names.get(target) : this.ends.get(target);
  }

  idOf(end: End): SessionId {
    return this.#ids.get(end)!;
  }

  /** Looks at a settled server; at all its figures, where `isThorough`. */
  check(isThorough: boolean): void {
    const { world, account } = this;
    this.#hooks?.check();
    const count = this.getSessionCount();
    if (count !== this.ends.size) world.fail("server", `counts ${count} sessions of ${this.ends.size}`);
    for (const end of world.touched) {
      const id = this.#ids.get(end);
      if (id !== undefined) end.check(this.sessionStats(id));
    }
    if (!isThorough || (this.phase !== "running" && this.phase !== "stopping")) return;
    const stats: ServerStats = this.stats();
    account.check(world, "server", stats, [...this.ends.values()], stats.accepted);
    if (stats.refused !== account.refused) world.fail("server", `stats say ${stats.refused} were refused`);
  }

  // Events.

  onConnectionRequest(ip: string, port: number): boolean {
    return this.#event("onConnectionRequest", port, () => {
      if (this.#fate !== "ask") this.world.fail("server", `asked about what it should ${this.#fate}`);
      this.#fate = "refuse"; // should a handler throw
      if (this.getSessionCount() !== this.ends.size)
        this.world.fail("server", "counts the connection that it asks about");
      if (ip !== this.world.plan.server.options.ip) this.world.fail("server", `was told the peer's ip ${ip}`);
      const answer =
        handle(this.#handling(undefined), "request") ??
        !this.world.random.chance(this.world.plan.manners.kicks);
      if (answer === true && this.phase !== "stopping") this.#fate = "accept";
      return answer as boolean; // a promise refuses
    });
  }

  onClientJoin(id: SessionId, client: ClientInfo): void | Promise<void> {
    const { world } = this;
    const end = this.#joining;
    this.#joining = undefined;
    if (end === undefined) {
      world.fail("server", "a join without a connection");
      return;
    }
    if (this.#usedIds.has(id)) world.fail("server", `session id ${id} was used before`);
    if (client.port !== end.link.link.dialler.port) world.fail("server", "a join tells somebody else's port");
    this.#usedIds.add(id);
    this.ends.set(id, end);
    this.#ids.set(end, id);
    this.account.joins++;
    end.touch();
    return this.#event("onClientJoin", id, () => {
      if (world.random.chance(0.2))
        this.name(id, `host ${world.random.integer(0, 2)}`, world.random.chance(0.5));
      return handle(this.#handling(end), "join");
    });
  }

  onRecv(id: SessionId, packet: Packet): void | Promise<void> {
    const end = this.#endOf(id, "onRecv");
    return this.#event("onRecv", id, () =>
      end?.recv(packet, () => handle(this.#handling(end, packet), "recv")),
    );
  }

  override onSend(id: SessionId, size: number): void | Promise<void> {
    const end = this.#endOf(id, "onSend");
    end?.sent(size);
    return this.#event("onSend", id, () => handle(this.#handling(end), "send"), size);
  }

  override onSendReady(id: SessionId): void | Promise<void> {
    const end = this.#endOf(id, "onSendReady");
    end?.sendReady();
    return this.#event("onSendReady", id, () => handle(this.#handling(end), "sendReady"));
  }

  onClientLeave(id: SessionId, leave: Leave): void | Promise<void> {
    const end = this.#endOf(id, "onClientLeave");
    if (end === undefined) return;
    this.ends.delete(id);
    this.leftIds.push(id);
    this.connections.delete(end);
    this.#unname(end);
    this.account.left(end, leave);
    this.world.count(`server left: ${leave.reason}`);
    return this.#event("onClientLeave", id, () => {
      end.left(leave);
      return handle(this.#handling(end), "leave");
    });
  }

  onError(error: LanError): void | Promise<void> {
    this.account.error(this.world, "server", error);
    return this.#event("onError", 0, () => handle(this.#handling(undefined), "error"));
  }

  #event<T>(name: string, x: number, body: () => T, y = 0): T {
    this.world.note("server", name, x, y);
    if (this.phase === "idle") this.world.fail("server", `${name} came though it is idle`);
    this.#hooks?.event(name);
    return this.world.event("the server", name, body);
  }

  #endOf(id: SessionId, event: string): End | undefined {
    const end = this.ends.get(id);
    if (end === undefined) this.world.fail("server", `${event} for session ${id}, which is not there`);
    return end;
  }

  #handling(end: End | undefined, packet?: Packet): Handling {
    const { world } = this;
    const id = end === undefined ? undefined : this.#ids.get(end);
    const received = packet === undefined ? undefined : end?.receiving.lastDelivered;
    return {
      world,
      account: this.account,
      limits: world.plan.server.limits,
      talk: (size) => {
        const isOwn = id !== undefined && world.random.chance(0.8);
        if (!isOwn && this.ends.size === 0) return;
        const target = isOwn ? id : world.random.pick([...this.ends.keys()]);
        if (received === undefined || world.random.chance(0.5)) this.send(target, size);
        else this.forward(target, packet!, received);
      },
      kick: (now) => {
        if (id !== undefined) this.kick(id, now);
      },
      end: () => this.halt(world.plan.scaleMs),
    };
  }

  #send(target: SessionId | string, content: Content, packet: Packet): boolean {
    const wanted = this.#takes(this.find(target), content);
    const taken = this.sendPacket(target, packet);
    this.world.note("server", "send", Number(taken), content.size);
    if (taken && typeof target === "string") this.world.count("outcome: sent by host id");
    if (taken !== wanted) this.world.fail("server", `sendPacket said ${taken}`);
    return taken;
  }

  #takes(end: End | undefined, content: Content): boolean {
    if (end === undefined || !end.takes(content.size)) return false;
    end.take(content);
    return true;
  }

  #unname(end: End): void {
    for (const [name, holder] of this.#names) if (holder === end) this.#names.delete(name);
  }
}
