/**
 * One end of a session, said a second time: what the application asked for and what the connection did say what
 * the library must answer, tell and do.
 *
 *      open --> ending --> draining --> closing --> left         see docs/events-and-ordering.md
 *
 * It sees the library from both sides: the calls and events above it, the connection below it. What it checks
 * is listed in docs/testing.md.
 */
import type { Leave, LeaveReason, Packet } from "../../src/index.ts";
import type { LinkDirection } from "../../src/testing.ts";
import type { Content } from "./content.ts";
import { compareFigures, type Figures } from "./figures.ts";
import type { LinkModel } from "./link-model.ts";
import type { LinkLimits } from "./plan.ts";
import { Receiving } from "./receiving.ts";
import { Sending } from "./sending.ts";
import { Vigil } from "./vigil.ts";
import type { World } from "./world.ts";

const RESET_CODES = ["ECONNRESET", "EPIPE", "ECONNABORTED"];

export class End {
  readonly name: string;
  readonly world: World;
  readonly link: LinkModel;
  readonly limits: LinkLimits;
  readonly sending: Sending;
  readonly receiving: Receiving;
  readonly vigil: Vigil;
  phase: "open" | "ending" | "draining" | "closing" | "left" = "open";
  leaveReason: LeaveReason | undefined;
  /** Why the application ended it. */
  appReason: LeaveReason | undefined;
  /** Packets that the session's figures count: decoded while it was open. */
  countedPackets = 0;
  /** The promise of an onRecv is pending. */
  isHandling = false;
  isPaused = false;
  /** The library reset its connection, or the application did. */
  wasReset = false;
  /** FIN was sent behind all that was taken. */
  finSent = false;
  finRead = false;
  /** It left though packets waited for handlers: `disconnectDrainMs` had passed. */
  gaveUpHandlers = false;
  /** The largest frame that was refused since the last onSendReady; 0 for none. */
  refusedBytes = 0;
  /** Until when it may drain. */
  drainDeadlineMs: number = Number.POSITIVE_INFINITY;
  #readsWhilePaused = 0;
  /** Bytes of the write that completed just now. */
  #toTellBytes = 0;
  #readBegan: { open: boolean; arrived: number; delivered: number } | undefined;
  #wasDestroyed = false;
  #closedError: NodeJS.ErrnoException | undefined;

  constructor(name: string, world: World, link: LinkModel, side: "dialler" | "acceptor", limits: LinkLimits) {
    this.name = name;
    this.world = world;
    this.link = link;
    this.limits = limits;
    const { toServer, toClient } = link;
    const beats = limits.heartbeat !== false;
    this.sending = new Sending(side === "dialler" ? toServer : toClient, beats);
    this.receiving = new Receiving(side === "dialler" ? toClient : toServer, limits.packetBytesMax, beats);
    this.vigil = new Vigil(this);
    link[side] = this;
    world.ends.add(this);
  }

  /** It left in order, behind all that it had taken. */
  get drainedInOrder(): boolean {
    return this.appReason !== undefined && this.finSent && !this.wasReset && this.#closedError === undefined;
  }

  /** Whatever is on its way to it may be dropped. */
  get endedItself(): boolean {
    return this.appReason !== undefined || this.wasReset || this.gaveUpHandlers;
  }

  // From the application's calls.

  /** Whether a packet of `size` must be taken; notes a refusal. */
  takes(size: number): boolean {
    if (this.phase !== "open") return false;
    if (this.sending.fits(size, this.limits.sendQueueBytesMax)) return true;
    this.refusedBytes = Math.max(this.refusedBytes, this.limits.headerBytes + size);
    this.world.count("outcome: refused, the queue was full");
    return false;
  }

  /** A packet is taken. */
  take(content: Content): void {
    this.vigil.take();
    this.sending.take(content);
    this.world.touched.add(this);
  }

  /** Whether the application may still ask it to drain, and if so, it does. */
  drain(reason: LeaveReason, drainMs: number): boolean {
    if (this.phase !== "open" && this.phase !== "ending") return false;
    this.appReason ??= reason;
    this.phase = "draining";
    this.drainDeadlineMs = this.world.nowMs + drainMs;
    this.touch();
    return true;
  }

  /** The same for a reset. */
  cutShort(reason: LeaveReason): boolean {
    if (this.phase === "closing" || this.phase === "left") return false;
    this.appReason ??= reason;
    this.wasReset = true;
    this.phase = "closing";
    this.touch();
    return true;
  }

  // From the connection, before the library hears of it.

  write(chunks: readonly Uint8Array[]): void {
    this.touch();
    if (this.phase !== "open" && this.phase !== "draining" && this.phase !== "ending")
      this.fail(`wrote while ${this.phase}`);
    this.#found(this.sending.write(chunks));
    this.vigil.writeBegan();
  }

  written(): void {
    this.touch();
    const before = this.sending.completedBytes;
    this.#found(this.sending.completeWrite());
    this.#toTellBytes = this.sending.completedBytes - before;
    this.vigil.written();
  }

  /** Behind what the library did when a write completed. */
  afterWritten(): void {
    if (this.#toTellBytes > 0) this.fail("onSend did not come");
    const { refusedBytes, sending, limits } = this;
    const hasRoom = sending.queuedBytes + refusedBytes <= limits.sendQueueBytesMax;
    if (this.phase === "open" && refusedBytes > 0 && hasRoom)
      this.fail("onSendReady did not come though there is room for what was refused");
  }

  read(bytes: Uint8Array): void {
    this.touch();
    if (this.isPaused && ++this.#readsWhilePaused > 1) this.fail("more than one read behind a pause");
    const { arrivedPackets: arrived, deliveredPackets: delivered } = this.receiving;
    this.#readBegan = { open: this.phase === "open", arrived, delivered };
    this.#found(this.receiving.read(bytes));
    this.vigil.read();
  }

  afterRead(): void {
    const began = this.#readBegan!;
    this.#readBegan = undefined;
    const { receiving } = this;
    // A handler that ends its own session ends decoding behind its packet.
    if (began.open && this.appReason !== undefined)
      this.countedPackets += receiving.deliveredPackets - began.delivered;
    else if (began.open) this.countedPackets += receiving.arrivedPackets - began.arrived;
    if (began.open && receiving.broken !== undefined && receiving.heldPackets > 0)
      if (this.appReason === undefined && !this.isHandling)
        this.fail("dropped packets before a broken header");
    if (began.open && receiving.broken !== undefined && this.phase === "open")
      this.fail(`went on behind a header that says ${receiving.broken}`);
    if (!began.open && receiving.deliveredPackets !== began.delivered) this.fail("delivered while leaving");
    const bound = this.limits.receiveQueueBytesMax + receiving.longestReadBytes;
    if (this.phase === "open" && receiving.heldBytes > bound && receiving.heldPackets > 0)
      this.fail(`${receiving.heldBytes} received bytes wait, receiveQueueBytesMax and a read are ${bound}`);
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.#readsWhilePaused = 0;
    if (isPaused) this.world.count("outcome: reading stopped");
    this.vigil.pause();
  }

  /** The library sends FIN. */
  end(): void {
    this.touch();
    this.finSent = true;
    if (this.phase !== "draining") this.fail(`sent FIN while ${this.phase}`);
    if (this.sending.queuedBytes > 0) this.fail(`sent FIN before ${this.sending.queuedBytes} taken bytes`);
  }

  /** The library closes its connection. */
  destroy(): void {
    this.touch();
    if (!this.finRead) this.fail("closed before its peer had");
    if (this.phase === "draining" && this.sending.queuedBytes === 0) this.finSent = true; // its close sends it
    if (this.phase === "ending") this.gaveUpHandlers = this.receiving.heldPackets > 0;
    if (this.gaveUpHandlers && this.world.nowMs < this.drainDeadlineMs)
      this.fail("dropped packets that had arrived before disconnectDrainMs was over");
    this.#wasDestroyed = true;
    this.phase = "closing";
  }

  /** The library resets its connection. */
  reset(): void {
    this.touch();
    this.wasReset = true;
    if (this.appReason !== undefined) {
      // Called by the application just now, or the drain took too long, or it began for a stream that is broken.
      const isEarly = this.world.nowMs < this.drainDeadlineMs && this.receiving.broken === undefined;
      if (this.phase === "draining" && isEarly)
        this.fail(`was reset ${this.drainDeadlineMs - this.world.nowMs} ms before its drain was over`);
      if (this.phase === "draining") this.world.count("outcome: a drain took too long");
    } else if (this.receiving.broken === undefined) this.#found(this.vigil.mayEnd());
    this.phase = "closing";
  }

  fin(): void {
    this.touch();
    this.finRead = true;
    const { lane, heldPackets } = this.receiving;
    if (lane.readBytes !== this.#incoming.takenBytes)
      this.fail(`FIN came behind ${lane.readBytes} of ${this.#incoming.takenBytes} bytes`);
    if (this.phase === "open") {
      this.phase = heldPackets > 0 ? "ending" : "open"; // the library closes it within this call
      if (heldPackets > 0) this.drainDeadlineMs = this.world.nowMs + this.limits.disconnectDrainMs;
    }
  }

  afterFin(): void {
    if (this.phase === "open") this.fail("stayed open though its peer has ended");
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.touch();
    this.#closedError = error;
    const { receiving } = this;
    if (this.phase === "ending" && receiving.heldPackets > 0) this.gaveUpHandlers = true;
    if (this.phase === "open" && receiving.heldPackets > 0 && !this.isHandling)
      this.fail("dropped packets that had arrived and waited for nobody");
    this.phase = "left";
  }

  // From the events.

  left({ reason, notSent }: Leave): void {
    if (this.gaveUpHandlers) this.world.count("outcome: handlers were given up");
    if (this.leaveReason !== undefined) this.fail("left twice");
    if (this.phase !== "left") this.fail(`told of its leave while ${this.phase}`);
    const wanted = this.#reasonsWanted();
    if (!wanted.includes(reason)) this.fail(`left with ${reason}, not with ${wanted.join(" or ")}`);
    this.leaveReason = reason;
    const { packets, bytes } = this.sending.notSent;
    if (notSent.packets !== packets || notSent.bytes !== bytes)
      this.fail(`told ${notSent.packets} packets, ${notSent.bytes} bytes as not sent: ${packets}, ${bytes}`);
    const taken = this.#outgoing.takenBytes;
    if (taken < this.sending.completedBytes || taken > this.sending.lane.length)
      this.fail(`the kernel took ${taken} bytes, completed writes say ${this.sending.completedBytes}`);
    this.world.ends.delete(this);
    this.link.endLeft();
  }

  /** Runs onRecv. */
  recv(packet: Packet, handler: () => void | Promise<void>): void | Promise<void> {
    if (this.phase !== "open" && this.phase !== "ending") this.fail(`onRecv while ${this.phase}`);
    if (this.isHandling) this.fail("onRecv while the one before is pending");
    this.#found(this.receiving.deliver(packet));
    this.touch();
    this.world.keep(packet, this.receiving.lastDelivered);
    const pending = handler();
    if (pending === undefined) return undefined;
    this.isHandling = true;
    return pending.finally(() => {
      this.isHandling = false;
      this.world.touched.add(this);
    });
  }

  /** Runs with onSend. */
  sent(size: number): void {
    if (size !== this.#toTellBytes)
      this.fail(`onSend told ${size} bytes, the write had ${this.#toTellBytes}`);
    this.#toTellBytes = 0;
  }

  sendReady(): void {
    if (this.refusedBytes === 0) this.fail("onSendReady without a refusal");
    if (this.phase !== "open") this.fail(`onSendReady while ${this.phase}`);
    this.refusedBytes = 0;
  }

  /** Looks at a settled end. */
  check(figures: Figures | undefined): void {
    const { receiving, sending, limits, phase } = this;
    if (phase === "left") return;
    if (phase === "open" && !this.isHandling) {
      if (receiving.heldPackets > 0)
        this.fail(`${receiving.heldPackets} packets arrived and wait for nobody`);
      if (this.isPaused) this.fail("does not read though nothing waits");
    }
    if (phase === "ending" && !this.isHandling) this.fail("waits though its handlers are done");
    if (sending.notSent.bytes > limits.sendQueueBytesMax) this.fail(`queued ${sending.notSent.bytes} bytes`);
    if (figures !== undefined) compareFigures(this, figures);
  }

  touch(): void {
    this.vigil.touch();
    this.world.touched.add(this);
  }

  fail(what: string): void {
    this.world.fail(this.name, what);
  }

  /** What the network says of the bytes. */
  get #outgoing(): LinkDirection {
    const { link } = this.link;
    return this.link.dialler === this ? link.toAcceptor : link.toDialler;
  }

  get #incoming(): LinkDirection {
    const { link } = this.link;
    return this.link.dialler === this ? link.toDialler : link.toAcceptor;
  }

  #reasonsWanted(): readonly LeaveReason[] {
    if (this.appReason !== undefined) return [this.appReason];
    if (this.wasReset)
      return this.receiving.broken === undefined ? this.vigil.reasons : [this.receiving.broken];
    if (this.#wasDestroyed) return ["peer-closed"];
    const code = this.#closedError?.code;
    if (code === undefined) return this.finRead ? ["peer-closed"] : [];
    if (!RESET_CODES.includes(code)) return ["connection-failed"];
    const other = this.link.dialler === this ? this.link.acceptor : this.link.dialler;
    const isExcused = this.link.mayReset || other === undefined || other.wasReset;
    return isExcused ? ["reset"] : [];
  }

  #found(wrong: string | undefined): void {
    if (wrong !== undefined) this.fail(wrong);
  }
}
