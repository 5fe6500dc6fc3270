/**
 * One client of a history: a LanClient whose every call is foretold and whose every event is looked at.
 *
 *      idle --connect--> dialling, joined, pausing ... --disconnect, abort, no reconnect--> ended --> idle
 */
import { LanClient, type LanError, type Leave, Packet } from "../../src/index.ts";
import { Account } from "./account.ts";
import { type Content, contentOf, packetOf, viewOf } from "./content.ts";
import { End } from "./end.ts";
import { BatchHooks, type EventKind, type Handling, handle, refusesTwice } from "./handlers.ts";
import { type ObservedConnection, ObservedNetwork } from "./observed-network.ts";
import type { ClientPlan } from "./plan.ts";
import type { World } from "./world.ts";

interface Wait {
  readonly what: "pauses" | "dials";
  readonly sinceMs: number;
  readonly blockedMs: number;
  readonly limitMs: number;
}

export class ClientPart extends LanClient {
  readonly world: World;
  readonly who: string;
  readonly plan: ClientPlan;
  account: Account = new Account();
  /** The session of this moment. */
  current: End | undefined;
  connection: ObservedConnection | undefined;
  phase: "idle" | "running" = "idle";
  /** Nothing is dialled any more. */
  #hasEnded = false;
  readonly #network: ObservedNetwork;
  readonly #hooks: BatchHooks | undefined;
  readonly #packet = new Packet();
  #abort = new AbortController();
  #joining: End | undefined;
  /** Pauses since the last byte that was received. */
  #pauses = 0;
  /** What it waits for while it is not joined, since when, and for how long at the most. */
  #wait: Wait | undefined;
  /** The step at which the last thing happened that ends it without a call. */
  #overAtStep = Number.POSITIVE_INFINITY;

  constructor(world: World, index: number, plan: ClientPlan) {
    super();
    this.world = world;
    this.who = `client ${index + 1}`;
    this.plan = plan;
    this.#network = new ObservedNetwork(world, {
      dialling: () => this.#dialling(),
      joining: (link, connection) => {
        const end = new End(`${link.name} C`, world, link, "dialler", plan.limits);
        this.connection = connection;
        this.#joining = end;
        return end;
      },
    });
    if (plan.hasBatchHooks) {
      const hooks = new BatchHooks(world, this.who);
      this.#hooks = hooks;
      this.onWorkerThreadBegin = () => hooks.begin();
      this.onWorkerThreadEnd = () => hooks.end();
    }
  }

  // What is done to it.

  begin(): void {
    this.#noticeEnd();
    const { world } = this;
    const options = { ...this.plan.options, network: this.#network };
    if (this.phase === "running") {
      refusesTwice(world, this.who, this.connect(options));
      return;
    }
    this.phase = "running";
    this.account = new Account();
    const { account } = this;
    this.#hasEnded = false;
    this.#overAtStep = Number.POSITIVE_INFINITY;
    this.#pauses = 0;
    this.#wait = undefined;
    this.#abort = new AbortController();
    this.connect({ ...options, signal: this.#abort.signal }).then(
      () => {
        if (account.joins === 0) world.fail(this.who, "connect resolved without a join");
      },
      ({ code }: LanError) => {
        const isRight = code === "CONNECT_ABORTED" ? this.#hasEnded : this.plan.reconnect === false;
        if (!isRight || account.joins > 0) world.fail(this.who, `connect rejected with ${code}`);
        world.count(`outcome: connect rejected with ${code}`);
        if (this.account === account) this.phase = "idle";
      },
    );
  }

  async halt(now: boolean): Promise<void> {
    const { account, current, world } = this;
    if (this.phase === "running") {
      this.#hasEnded = true;
      if (now) current?.cutShort("disconnected");
      else current?.drain("disconnected", this.plan.limits.disconnectDrainMs);
      world.note(this.who, "disconnect", Number(now));
    }
    await this.disconnect(now ? { now } : {});
    if (this.account !== account) return;
    if (this.current !== undefined) world.fail(this.who, "disconnect resolved with a session");
    this.phase = "idle";
  }

  abort(): void {
    if (this.phase !== "running") return;
    this.#hasEnded = true;
    if (this.current === undefined) this.#overAtStep = this.world.clock.steps;
    this.#abort.abort();
  }

  send(size: number): boolean {
    const number = this.world.nextPacket(size);
    if (number === undefined) return false;
    const content = contentOf(number, size);
    return this.#send(content, packetOf(number, content, this.#packet));
  }

  /** Sends a packet that can never be taken. */
  sendWrongly(): void {
    const { packetBytesMax, heartbeat } = this.plan.limits;
    if (this.current === undefined) return;
    const sizes = heartbeat === false ? [packetBytesMax + 1] : [packetBytesMax + 1, 0];
    for (const size of sizes) {
      const code = size === 0 ? "PACKET_EMPTY" : "PACKET_TOO_LARGE";
      try {
        this.sendPacket(Packet.from(viewOf(contentOf(0, size))));
        this.world.fail(this.who, `a packet of ${size} bytes was not refused`);
      } catch (error) {
        if ((error as LanError).code !== code) this.world.fail(this.who, `threw ${(error as Error).message}`);
        this.world.count(`outcome: ${code}`);
      }
    }
  }

  /** Looks at a settled client; at all its figures, where `isThorough`. */
  check(isThorough: boolean): void {
    this.#noticeEnd();
    this.#hooks?.check();
    const { current, world } = this;
    if (isThorough) this.#checkWait();
    const isTouched = current !== undefined && world.touched.has(current);
    if (!isThorough && !isTouched) return;
    if (isTouched) current.check(undefined);
    if (this.phase === "idle" || this.#overAtStep < Number.POSITIVE_INFINITY) return;
    const stats = this.stats();
    if (stats.joined === 0 && this.account.joins === 0) return;
    this.account.check(world, this.who, stats, current === undefined ? [] : [current], stats.joined);
  }

  // Events.

  onEnterJoinServer(): void | Promise<void> {
    const end = this.#joining;
    this.#joining = undefined;
    if (end === undefined) {
      this.world.fail(this.who, "a join without a connection");
      return;
    }
    if (this.current !== undefined) this.world.fail(this.who, "joined again before it left");
    this.current = end;
    this.#wait = undefined;
    this.account.joins++;
    end.touch();
    return this.#event("onEnterJoinServer", () => this.#handle("join"));
  }

  onLeaveServer(leave: Leave): void | Promise<void> {
    const end = this.current;
    if (end === undefined) {
      this.world.fail(this.who, "left without having joined");
      return;
    }
    this.current = undefined;
    this.connection = undefined;
    this.account.left(end, leave);
    this.world.count(`client left: ${leave.reason}`);
    if (end.receiving.lane.readBytes > 0) this.#pauses = 0;
    this.#pausesNow();
    if (this.plan.reconnect === false || this.#hasEnded) this.#overAtStep = this.world.clock.steps;
    return this.#event("onLeaveServer", () => {
      end.left(leave);
      if (this.world.random.chance(0.1)) this.begin(); // too early: it is not over yet
      return this.#handle("leave");
    });
  }

  onRecv(packet: Packet): void | Promise<void> {
    const end = this.#needed("onRecv");
    return this.#event("onRecv", () => end?.recv(packet, () => this.#handle("recv", packet)));
  }

  onSend(size: number): void | Promise<void> {
    this.#needed("onSend")?.sent(size);
    return this.#event("onSend", () => this.#handle("send"), size);
  }

  override onSendReady(): void | Promise<void> {
    this.#needed("onSendReady")?.sendReady();
    return this.#event("onSendReady", () => this.#handle("sendReady"));
  }

  onError(error: LanError): void | Promise<void> {
    this.account.error(this.world, this.who, error);
    if (error.code === "CONNECT_FAILED" || error.code === "CONNECT_TIMEOUT") this.#pausesNow();
    return this.#event("onError", () => this.#handle("error"));
  }

  #event<T>(name: string, body: () => T, x = 0): T {
    this.world.note(this.who, name, x);
    if (this.phase === "idle") this.world.fail(this.who, `${name} came though it is idle`);
    this.#hooks?.event(name);
    return this.world.event(this.who, name, body);
  }

  #needed(event: string): End | undefined {
    if (this.current === undefined) this.world.fail(this.who, `${event} without a session`);
    return this.current;
  }

  #handle(kind: EventKind, packet?: Packet): void | Promise<void> {
    const { world, account } = this;
    const received = packet === undefined ? undefined : this.current?.receiving.lastDelivered;
    const handling: Handling = {
      world,
      account,
      limits: this.plan.limits,
      talk: (size) => {
        if (received === undefined || world.random.chance(0.5)) this.send(size);
        else if (world.nextPacket(received.size) !== undefined) this.#send(received, packet!);
      },
      kick: (now) => void this.halt(now),
      end: async () => (world.random.chance(0.5) ? this.halt(false) : this.abort()),
    };
    return handle(handling, kind);
  }

  #send(content: Content, packet: Packet): boolean {
    const end = this.current;
    const wanted = end?.takes(content.size) ?? false;
    if (wanted) end!.take(content);
    const taken = this.sendPacket(packet);
    this.world.note(this.who, "send", Number(taken), content.size);
    if (taken !== wanted) this.world.fail(this.who, `sendPacket said ${taken}`);
    return taken;
  }

  /** A pause begins, unless nothing follows. */
  #pausesNow(): void {
    const { reconnect } = this.plan;
    this.#wait = undefined;
    if (reconnect === false || this.#hasEnded) return;
    this.#waitFor("pauses", Math.min(reconnect.maxDelayMs, reconnect.minDelayMs * 2 ** this.#pauses++));
  }

  #waitFor(what: Wait["what"], limitMs: number): void {
    const { nowMs, clock } = this.world;
    this.#wait = { what, limitMs, sinceMs: nowMs, blockedMs: clock.blockedMs };
  }

  /** Whether it waits for no longer than it may. */
  #checkWait(): void {
    if (this.#wait === undefined || this.#hasEnded || this.phase === "idle") return;
    const { nowMs, clock } = this.world;
    const { what, sinceMs, blockedMs, limitMs } = this.#wait;
    const waitedMs = nowMs - sinceMs - (clock.blockedMs - blockedMs);
    if (waitedMs > limitMs + 1e-6)
      this.world.fail(this.who, `${what} for ${waitedMs} ms, not for up to ${limitMs}`);
  }

  #dialling(): void {
    this.world.note(this.who, "dials");
    this.world.count("outcome: dialled");
    if (this.#hasEnded) this.world.fail(this.who, "dials though it was ended");
    if (this.current !== undefined) this.world.fail(this.who, "dials though it is joined");
    if (this.#wait !== undefined) {
      this.#checkWait();
      this.world.count("outcome: dialled again");
    } else if (this.account.joins > 0) this.world.fail(this.who, "dials again without reconnect");
    this.#waitFor("dials", this.plan.options.connectTimeoutMs!);
  }

  /** Without reconnect it is over soon behind its leave, without a word. */
  #noticeEnd(): void {
    if (this.world.clock.steps > this.#overAtStep) {
      this.phase = "idle";
      this.#overAtStep = Number.POSITIVE_INFINITY;
    }
  }
}
