/**
 * One link, as the oracle sees it: its two lanes, its two ends, everything that disturbed it, and the account
 * of both ways once it is over.
 *
 *      taken  =  received  +  not sent  +  unknown      less what was received of a write that never completed
 *
 * Invariant: something is unknown only where the link broke or its receiver ended itself.
 */
import type { LinkDirection, MemoryLink } from "../../src/testing.ts";
import type { End } from "./end.ts";
import { Lane } from "./lane.ts";
import type { World } from "./world.ts";

/** Calls by which a link is disturbed; the network calls them too, for its random faults. */
const LINK_FAULTS = ["cut"] as const;
const DIRECTION_FAULTS = ["stall", "halfOpen", "slowRead"] as const;

export class LinkModel {
  readonly name: string;
  readonly link: MemoryLink;
  readonly toServer: Lane;
  readonly toClient: Lane;
  dialler: End | undefined;
  acceptor: End | undefined;
  /** Bytes may be late, or never come. */
  isDisturbed = false;
  /** Either end may hear of a reset. */
  mayReset = false;
  /** Bytes may be lost without a word. */
  isHalfOpen = false;
  readonly #world: World;
  #isRetiring = false;

  constructor(world: World, link: MemoryLink) {
    this.#world = world;
    this.name = `link ${link.id}`;
    this.link = link;
    this.toServer = new Lane(world.plan.format);
    this.toClient = new Lane(world.plan.format);
    for (const fault of LINK_FAULTS) this.#watch(link, fault);
    for (const direction of [link.toAcceptor, link.toDialler]) {
      for (const fault of DIRECTION_FAULTS) this.#watch(direction, fault);
      this.#watchRetiring(direction);
    }
  }

  /** An end is over; behind the second the link is accounted for. */
  endLeft(): void {
    const { dialler, acceptor } = this;
    if (dialler?.phase !== "left" || acceptor?.phase !== "left") return;
    this.#account(dialler, acceptor);
    this.#account(acceptor, dialler);
  }

  /** What became of all that `from` has taken. */
  #account(from: End, to: End): void {
    const world = this.#world;
    const { takenPackets, completedPackets, notSent } = from.sending;
    const received = to.receiving.deliveredPackets;
    const doubtful = Math.max(0, received - completedPackets);
    const unknown = completedPackets - received + doubtful;
    const accounted = received + notSent.packets + unknown - doubtful;
    const wrong = (why: string): void =>
      world.fail(
        this.name,
        `${from.name} -> ${to.name}: ${why} (taken ${takenPackets}, received ${received}, not sent ` +
          `${notSent.packets}, unknown ${unknown}; left with ${from.leaveReason} and ${to.leaveReason})`,
      );
    if (accounted !== takenPackets) wrong("the account is not even");
    if (doubtful > 0 && !from.sending.isWriting) wrong("received what was told as not sent");
    if (doubtful > 0) world.count("outcome: not sent, and received of a broken write", doubtful);
    if (notSent.packets > 0) world.count("outcome: told as not sent", notSent.packets);
    if (received > 0) world.count("outcome: received", received);
    const isExcused = this.mayReset || this.isHalfOpen || to.endedItself || from.wasReset;
    if (unknown > 0 && !isExcused) wrong("lost silently");
    if (unknown > 0) world.count("outcome: unknown behind a break", unknown);
    const isGraceful = from.drainedInOrder && to.leaveReason === "peer-closed" && !to.gaveUpHandlers;
    if (isGraceful) {
      world.count("outcome: all arrived behind a drain");
      if (received !== takenPackets) wrong("a drain lost packets");
    }
  }

  /** The network makes a link silent whose ends are both gone: no fault. */
  #watchRetiring(direction: LinkDirection): void {
    const retiring = direction as unknown as { retire(): void };
    const { retire } = retiring;
    retiring.retire = () => {
      this.#isRetiring = true;
      retire.call(direction);
      this.#isRetiring = false;
    };
  }

  #watch<K extends string>(target: MemoryLink | LinkDirection, fault: K): void {
    const faulty = target as unknown as Record<K, (...given: unknown[]) => void>;
    const original = faulty[fault];
    faulty[fault] = (...given) => {
      if (this.#isRetiring) return original.apply(target, given);
      this.isDisturbed = true;
      if (fault === "cut") this.mayReset = true;
      if (fault === "halfOpen") this.isHalfOpen = true;
      this.#world.note(this.name, fault, Number(given[0] ?? 0));
      original.apply(target, given);
    };
  }
}
