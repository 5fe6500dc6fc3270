/**
 * Carries the parent's commands to workloads on worker threads of this process, and the answers back. Several
 * threads answer as one: counts add up.
 */
import { BroadcastChannel } from "node:worker_threads";
import type { Command, Reply } from "./plan.ts";

type Message =
  | { readonly kind: "hello"; readonly creditPort: number }
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "reply"; readonly reply: Reply };

const CHANNEL = "lanwire-bench";

/** On a worker thread: says hello, then obeys. */
export function obeyFromThread(creditPort: number, obey: (command: Command) => Promise<Reply>): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = async (event) => {
    const message = (event as { data: Message }).data;
    if (message.kind === "command")
      channel.postMessage({ kind: "reply", reply: await obey(message.command) });
  };
  channel.unref();
  channel.postMessage({ kind: "hello", creditPort });
}

/** On the main thread, made before the threads are. */
export class ThreadCommands {
  readonly #channel = new BroadcastChannel(CHANNEL);
  readonly #threads: number;
  #replies: Reply[] = [];
  #answered: (reply: Reply) => void = () => {};
  /** Resolves with the side channel's port once all threads are there. */
  readonly greeted: Promise<number>;

  constructor(threads: number) {
    this.#threads = threads;
    let hellos = 0;
    this.greeted = new Promise((resolve) => {
      this.#channel.onmessage = (event) => {
        const message = (event as { data: Message }).data;
        if (message.kind === "hello" && ++hellos === threads) resolve(message.creditPort);
        if (message.kind === "reply") this.#take(message.reply);
      };
    });
  }

  readonly command = (command: Command): Promise<Reply> => {
    this.#replies = [];
    this.#channel.postMessage({ kind: "command", command });
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  };

  #take(reply: Reply): void {
    this.#replies.push(reply);
    if (this.#replies.length < this.#threads) return;
    let received = 0;
    let sent = 0;
    for (const each of this.#replies) {
      received += each.received;
      sent += each.sent;
    }
    this.#answered({ ...reply, received, sent });
  }
}
