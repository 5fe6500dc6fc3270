/**
 * A link: two ends, two directions, and the handle by which a test disturbs it.
 *
 *      dialling end ====== toAcceptor =====> accepting end
 *                   <====== toDialler ======
 */
import type { Endpoint } from "../connection.ts";
import { MemoryConnection } from "./connection.ts";
import { Direction, type WireSettings } from "./direction.ts";
import { FaultPlan, type Faults } from "./faults.ts";
import type { LinkDirection } from "./link-direction.ts";
import type { Random } from "./random.ts";

/** A link of a `MemoryNetwork`: everything that can happen to a cable. */
export interface MemoryLink {
  /** 1 for the first link of the network, and so on. */
  readonly id: number;
  /** The local address of the side that dialled. */
  readonly dialler: Endpoint;
  /** The local address of the side that accepts. */
  readonly acceptor: Endpoint;
  readonly toAcceptor: LinkDirection;
  readonly toDialler: LinkDirection;
  /**
   * Resets both ends now; a stall does not stop it. An end that is paused notices when it reads or writes
   * again, as with TCP.
   */
  cut(): void;
  /** Stalls both directions. */
  stall(ms?: number): void;
  /** Resumes both directions. */
  resume(): void;
  /** Makes both directions half-open: neither end hears of the other again. */
  halfOpen(): void;
  /** Slows both directions down. */
  slowRead(bytesPerSecond: number): void;
}

export class Link implements MemoryLink {
  readonly id: number;
  readonly dialler: Endpoint;
  readonly acceptor: Endpoint;
  readonly toAcceptor: Direction;
  readonly toDialler: Direction;
  readonly dialled: MemoryConnection;
  readonly accepted: MemoryConnection;
  readonly #random: Random;
  #endsAlive = 2;

  /** @param onGone called for each end once its descriptor is gone. */
  constructor(
    id: number,
    ends: { readonly dialler: Endpoint; readonly acceptor: Endpoint },
    wire: WireSettings,
    faults: Faults,
    random: Random,
    onGone: (end: "dialled" | "accepted", isLast: boolean) => void,
  ) {
    this.id = id;
    this.dialler = ends.dialler;
    this.acceptor = ends.acceptor;
    this.#random = random;
    const cut = (): void => this.cut();
    this.toAcceptor = new Direction(wire, new FaultPlan(faults, random.fork(1)), cut);
    this.toDialler = new Direction(wire, new FaultPlan(faults, random.fork(2)), cut);
    const { dialler, acceptor, toAcceptor, toDialler } = this;
    this.dialled = new MemoryConnection(
      wire.clock,
      { local: dialler, remote: acceptor },
      { incoming: toDialler, outgoing: toAcceptor },
      () => onGone("dialled", this.#endGone()),
    );
    this.accepted = new MemoryConnection(
      wire.clock,
      { local: acceptor, remote: dialler },
      { incoming: toAcceptor, outgoing: toDialler },
      () => onGone("accepted", this.#endGone()),
    );
    toAcceptor.connect(this.dialled, this.accepted, toDialler);
    toDialler.connect(this.accepted, this.dialled, toAcceptor);
  }

  /** An end is gone; answers whether it was the last. */
  #endGone(): boolean {
    if (--this.#endsAlive > 0) return false;
    this.toAcceptor.retire();
    this.toDialler.retire();
    return true;
  }

  /** Draws the link's random faults anew. */
  setFaults(faults: Faults): void {
    this.toAcceptor.setPlan(new FaultPlan(faults, this.#random.fork(1)));
    this.toDialler.setPlan(new FaultPlan(faults, this.#random.fork(2)));
  }

  cut(): void {
    this.toAcceptor.cutNow();
    this.toDialler.cutNow();
  }

  stall(ms?: number): void {
    this.toAcceptor.stall(ms);
    this.toDialler.stall(ms);
  }

  resume(): void {
    this.toAcceptor.resume();
    this.toDialler.resume();
  }

  halfOpen(): void {
    this.toAcceptor.halfOpen();
    this.toDialler.halfOpen();
  }

  slowRead(bytesPerSecond: number): void {
    this.toAcceptor.slowRead(bytesPerSecond);
    this.toDialler.slowRead(bytesPerSecond);
  }
}
