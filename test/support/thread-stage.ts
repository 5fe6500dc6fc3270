/**
 * The test's end of a fixture that performs on threads: one port per thread, all of them leading to one log.
 *
 *      thread 1 --records--> port 1 --\
 *      thread 2 --records--> port 2 ---+--> tell
 *      handle   --records-------------/
 *
 * What one thread tells stays in order, and a session lives on one thread, so each session's order is kept.
 * `hear` takes what has arrived without waiting for the loop: what was told before something that the test
 * has seen is in the log when the test looks.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Stage } from "./player.ts";
import type { Action, EventRecord, Script } from "./script.ts";
import { ThreadJoins } from "./thread-joins.ts";
import type { ThreadPart, Told } from "./thread-messages.ts";

export class ThreadStage {
  readonly #script: Script;
  readonly #tell: (record: EventRecord) => void;
  readonly #joins = new ThreadJoins();
  /** By the number of the thread. */
  readonly #ports = new Map<number, MessagePort>();
  readonly #pending = new Map<number, PromiseWithResolvers<unknown[]> & { readonly port: MessagePort }>();
  /** Where the first session lives: what the script kept of it is there. */
  #first: number | undefined;
  #commands = 0;

  constructor(script: Script, tell: (record: EventRecord) => void) {
    this.#script = structuredClone(script);
    this.#tell = (record) => {
      this.#first ??= record.client?.thread;
      tell(record);
    };
  }

  /**
   * Where the handle performs. It fills nothing: the numbered packets of a session are the threads', and
   * between two senders to one session there is no order.
   */
  handle(nowMs: () => number): Stage {
    const script = this.#script.map((rule) => ({ ...rule, do: rule.do.map(unfilled) }));
    const tell = (record: EventRecord): void => {
      this.hear();
      this.#tell(structuredClone(record));
    };
    return { script, joined: this.#joins, nowMs, tell, listen: () => {} };
  }

  /** The option `workerData`. */
  readonly dataFor = (thread: number): ThreadPart => {
    const { port1, port2 } = new MessageChannel();
    port1.on("message", (told: Told) => this.#onTold(told));
    port1.on("close", () => this.#forget(thread, port1));
    port1.unref(); // a thread that does not end shall be seen by other means
    this.#ports.set(thread, port1);
    return {
      script: this.#script,
      port: port2,
      joins: this.#joins.buffer,
      timeOrigin: performance.timeOrigin,
    };
  };

  /** Does things where the first session lives; gates are opened on all threads. */
  async perform(actions: readonly Action[]): Promise<unknown[]> {
    const [first = 1] = this.#first === undefined ? this.#ports.keys() : [this.#first];
    const gates = actions.filter((action) => action.do === "open");
    const others = [...this.#ports.keys()].filter((thread) => thread !== first);
    const [results = []] = await Promise.all([
      this.#command(first, actions),
      ...others.map((thread) => this.#command(thread, gates)),
    ]);
    return results;
  }

  /** Resolves once each thread has come round to its port. */
  async ping(): Promise<void> {
    await Promise.all([...this.#ports.keys()].map((thread) => this.#command(thread, [])));
  }

  hear(): void {
    for (const port of this.#ports.values()) {
      for (let held = receiveMessageOnPort(port); held !== undefined; held = receiveMessageOnPort(port))
        this.#onTold(held.message as Told);
    }
  }

  #command(thread: number, actions: readonly Action[]): Promise<unknown[]> {
    const port = this.#ports.get(thread);
    if (port === undefined) return Promise.resolve([]);
    const number = ++this.#commands;
    const done = Promise.withResolvers<unknown[]>();
    this.#pending.set(number, { ...done, port });
    port.postMessage({ number, actions });
    return done.promise;
  }

  #onTold(told: Told): void {
    if (told.kind === "records") {
      for (const record of told.records) this.#tell(record);
      return;
    }
    const pending = this.#pending.get(told.number);
    this.#pending.delete(told.number);
    if (told.kind === "done") pending?.resolve(told.results);
    else pending?.reject(told.error);
  }

  /** The thread is gone, and with it what it was asked to do. */
  #forget(thread: number, port: MessagePort): void {
    if (this.#ports.get(thread) === port) this.#ports.delete(thread);
    for (const [number, pending] of this.#pending) {
      if (pending.port !== port) continue;
      this.#pending.delete(number);
      pending.resolve([]);
    }
  }
}

function unfilled(action: Action): Action {
  return action.do === "fill" ? { ...action, max: 0 } : action;
}
