/**
 * One link of the soak, by hand on a socket, with the account of what must come: the echoes and packets of the handle
 * that `SoakLink` counts, and broadcasts.
 *
 * Invariant: whatever was surely taken for a link that ends in order has come, in order and once.
 */
import type { ListenAddress, SessionId } from "../../src/index.ts";
import { SoakLink } from "../../test/threads/fixtures/soak-link.ts";

/** A broadcast that this link was among the targets of; sure where all of them took it. */
interface Expected {
  readonly number: number;
  readonly isSure: boolean;
}

export class HeldLink {
  readonly name: string;
  readonly link: SoakLink;
  /** The server knows its name. */
  isNamed = false;
  /** Somebody here ends it: what it ends with is no surprise. */
  isEnding = false;
  broadcasts = 0;
  #expected: Expected[] = [];
  #lastToAll = -1;

  private constructor(name: string, link: SoakLink) {
    this.name = name;
    this.link = link;
    link.onOther = (text) => this.#take(text);
  }

  /** Undefined where nobody listens just now. */
  static async dial(
    name: string,
    address: ListenAddress,
    onWrong: (what: string) => void,
  ): Promise<HeldLink | undefined> {
    const link = await SoakLink.dial(address, onWrong);
    return link === undefined ? undefined : new HeldLink(name, link);
  }

  get id(): SessionId | undefined {
    return this.link.id;
  }
  get isOver(): boolean {
    return this.link.isOver;
  }
  /** Whether load may be put on it. */
  get isServing(): boolean {
    return this.isNamed && !this.link.isOver && !this.isEnding && !this.link.isQuiet;
  }
  /** Whether all that was surely taken for it has come, echoes apart. */
  get hasAllFromServer(): boolean {
    return this.link.received.handles === this.link.taken && !this.#expected.some(({ isSure }) => isSure);
  }
  get isComplete(): boolean {
    return this.link.isComplete && this.hasAllFromServer;
  }

  /** Tells the server its name. */
  introduce(): void {
    this.link.peer.send(`#${this.name}`);
  }

  expectBroadcast(number: number, isSure: boolean): void {
    this.#expected.push({ number, isSure });
  }

  describe(): string {
    const { id, sent, received, taken } = this.link;
    return JSON.stringify({ id, sent, received, taken, expected: this.#expected.slice(0, 5) });
  }

  #take(text: string): boolean {
    switch (text[0]) {
      case "#":
        this.isNamed = text.slice(1) === this.name;
        return this.isNamed;
      case "B":
        this.broadcasts++;
        return this.#isExpected(Number(text.slice(1)));
      case "A": {
        this.broadcasts++;
        const number = Number(text.slice(1));
        const isLater = number > this.#lastToAll;
        this.#lastToAll = number;
        return isLater;
      }
      default:
        return false;
    }
  }

  #isExpected(number: number): boolean {
    for (;;) {
      const next = this.#expected.shift();
      if (next?.number === number) return true;
      if (next === undefined || next.isSure) return false;
    }
  }
}
