/**
 * The test's end of a peer process: its orders, what it told, and waiting for that.
 *
 * Invariant: nothing that a peer tells is lost on the way here, and a peer that ends unasked, protests or writes to
 * stderr fails the test that waits for it.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Order, PeerArgs, Told } from "./fixtures/messages.ts";

/** What runs another command. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

const FILE = fileURLToPath(new URL("./fixtures/peer-process.ts", import.meta.url));
/** How long anything may take that no bound of the options is about. Only a test that hangs takes so long. */
const PATIENCE_MS = 90_000;

export type Left = Told & { readonly kind: "left" };

type End = { readonly at: "up" } | { readonly at: "asked" } | { readonly at: "ended"; readonly how: unknown };

export class Peer {
  readonly name: string;
  readonly who: number;
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  readonly #checks = new Set<() => void>();
  readonly #closed: Promise<unknown[]>;
  #end: End = { at: "up" };
  #complaints = "";

  constructor(t: TestContext, args: PeerArgs, within: Command | undefined) {
    this.who = args.who;
    this.name = `${args.role} ${args.who}`;
    const exec =
      within === undefined
        ? { execArgv: [] }
        : { execPath: within.command, execArgv: [...within.args, process.execPath] };
    this.#child = fork(FILE, [JSON.stringify(args)], {
      ...exec,
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    this.#child.stderr!.on("data", (text) => {
      this.#complaints += text;
    });
    this.#child.on("message", (told: Told) => {
      this.told.push(told);
      this.#look();
    });
    this.#closed = once(this.#child, "close").then((how) => {
      this.#end = { at: "ended", how: how[0] ?? how[1] };
      this.#look();
      return how;
    });
    t.after(async () => {
      this.#child.kill("SIGKILL");
      await this.#closed;
    });
  }

  /** Neither ended nor asked to. */
  get isUp(): boolean {
    return this.#end.at === "up";
  }

  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  /** SIGSTOP, SIGCONT or SIGKILL: to this process alone. */
  signal(signal: NodeJS.Signals): void {
    if (signal === "SIGKILL") this.#end = { at: "asked" };
    this.#child.kill(signal);
  }

  all<Kind extends Told["kind"]>(kind: Kind): (Told & { readonly kind: Kind })[] {
    return this.told.filter((told): told is Told & { readonly kind: Kind } => told.kind === kind);
  }

  /** The `nth` of what it told of that kind, once it has. */
  async nth<Kind extends Told["kind"]>(kind: Kind, nth: number): Promise<Told & { readonly kind: Kind }> {
    await this.until(`${kind} number ${nth}`, () => this.all(kind).length >= nth);
    return this.all(kind)[nth - 1]!;
  }

  /** What it tells next of that kind, in answer to `order`. */
  ask<Kind extends Told["kind"]>(order: Order, kind: Kind): Promise<Told & { readonly kind: Kind }> {
    const answer = this.nth(kind, this.all(kind).length + 1);
    this.order(order);
    return answer;
  }

  /** Looked at after each thing told. Rejects where the peer ended unasked, or protested. */
  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        finish(() => reject(new Error(`${this.name} ${why}\n${this.#story()}`)));
      const timer = setTimeout(() => fail(`waited in vain for ${what}`), PATIENCE_MS);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
        settle();
      };
      const check = (): void => {
        const [protest] = this.all("protest");
        const [failed] = this.all("failed");
        if (protest !== undefined) fail(`protests: ${protest.text}`);
        else if (failed !== undefined) fail(`cannot start: ${failed.message}`);
        else if (condition()) finish(resolve);
        else if (this.#end.at === "ended") fail(`ended with ${this.#end.how} instead of ${what}`);
      };
      this.#checks.add(check);
      check();
    });
  }

  /** Told to let go, it ends by itself, without a word on stderr. */
  async end(): Promise<void> {
    this.#end = { at: "asked" };
    this.order({ do: "end" });
    const timer = setTimeout(() => this.#child.kill("SIGABRT"), PATIENCE_MS);
    const [code, signal] = await this.#closed;
    clearTimeout(timer);
    assert.deepEqual(
      { code, signal, stderr: this.#complaints },
      { code: 0, signal: null, stderr: "" },
      this.name,
    );
  }

  /** Killed, and nothing said on stderr before. */
  async gone(): Promise<void> {
    await this.#closed;
    assert.equal(this.#complaints, "", this.name);
  }

  #look(): void {
    for (const check of this.#checks) check();
  }

  #story(): string {
    const last = this.told.slice(-12).map((told) => JSON.stringify(told));
    return `it told last:\n${last.join("\n")}\nstderr: ${this.#complaints}`;
  }
}
