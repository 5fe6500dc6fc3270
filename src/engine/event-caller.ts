/**
 * The one place where user code runs: calls an event when it is the thread's turn, catches what it throws or
 * rejects with, and keeps the batch hooks around it.
 *
 *     idle --first event--> in-batch --the loop's callback has returned--> idle
 *       \--no turn free--> waiting --the turn comes: what waited runs--> in-batch
 *
 * A batch is everything that one callback of the event loop leads to: `onWorkerThreadBegin` comes before its
 * first event, `onWorkerThreadEnd` once the callback has returned, and the turn is held for as long.
 * Without a gate and without hooks there are no batches, and all that costs one comparison.
 */
import type { Counters } from "../base/counters.ts";
import { LanError } from "../base/errors.ts";
import type { SessionId } from "../session/session-id.ts";
import type { Announcer } from "./channels.ts";

/** The events that servers and clients share. */
export interface CommonEvents {
  onError(error: LanError): void;
  onWorkerThreadBegin(): void;
  onWorkerThreadEnd(): void;
}

/** How many threads may be in events at the same moment: a place is entered and left, never blocked on. */
export interface Gate {
  tryEnter(): boolean;
  /** After `tryEnter` said no: enters as soon as there is a place, then calls `turn`, from the event loop. */
  enterLater(turn: () => void): void;
  leave(): void;
}

export class EventCaller {
  readonly #events: CommonEvents;
  readonly #counters: Counters;
  readonly #gate: Gate | null;
  readonly #announcer: Announcer | null;
  /** False where neither hook is overridden and nothing limits the threads. */
  readonly #batches: boolean;
  #state: "idle" | "in-batch" | "waiting" | "silent" = "idle";
  #waiting: (() => void)[] = [];
  readonly #endBatch = (): void => {
    if (this.#state !== "in-batch") return;
    this.#guard("onWorkerThreadEnd", undefined, () => this.#events.onWorkerThreadEnd());
    this.#state = "idle";
    this.#gate?.leave();
  };

  /** @param hasBatchHooks whether the subclass overrides one of the two batch hooks. */
  constructor(
    events: CommonEvents,
    counters: Counters,
    hasBatchHooks: boolean,
    gate: Gate | null,
    announcer: Announcer | null = null,
  ) {
    this.#events = events;
    this.#counters = counters;
    this.#gate = gate;
    this.#announcer = announcer;
    this.#batches = hasBatchHooks || gate !== null;
  }

  /** Comes before each event: whether it may run now. HOT. */
  enter(): boolean {
    return !this.#batches || this.#state === "in-batch" || this.#beginBatch();
  }

  /** Runs `task` now, or, behind what waits already, once the thread has a turn. */
  run(task: () => void): void {
    if (this.#state === "silent") return;
    if (this.enter()) task();
    else this.#waiting.push(task);
  }

  /** Calls an event that returns nothing of interest. */
  call(name: string, sessionId: SessionId | undefined, event: () => unknown): void {
    if (this.#state === "silent") return;
    if (this.enter()) this.#guard(name, sessionId, event);
    else this.#waiting.push(() => this.#guard(name, sessionId, event));
  }

  /** Calls an event for its answer, inside a `run`; undefined where it threw. */
  ask<Answer>(name: string, event: () => Answer): Answer | undefined {
    let answer: Answer | undefined;
    this.#guard(name, undefined, () => {
      answer = event();
      return answer;
    });
    return answer;
  }

  /** Resolves once nothing waits for the thread's turn. */
  async quiet(): Promise<void> {
    if (this.#state === "waiting") await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** No event is called any more, not even for what handlers that still run reject with. */
  silence(): void {
    this.#endBatch();
    this.#state = "silent";
    this.#waiting = [];
  }

  /** What `onRecv` returned: a promise that never rejects, or undefined where it is done already. */
  settle(name: string, sessionId: SessionId | undefined, returned: unknown): Promise<void> | undefined {
    if (!isThenable(returned)) return undefined;
    return Promise.resolve(returned).then(
      () => {},
      (cause: unknown) => this.threw(name, sessionId, cause),
    );
  }

  threw(name: string, sessionId: SessionId | undefined, cause: unknown): void {
    this.error(
      new LanError("EVENT_THREW", `Cannot finish ${name}: it threw ${describe(cause)}`, { sessionId, cause }),
    );
  }

  /** Counts an error and tells `onError`; one that throws itself becomes a process warning. */
  error(error: LanError): void {
    this.#counters.countError(error.code);
    this.#announcer?.error(error);
    this.run(() => {
      try {
        const pending = this.#events.onError(error) as unknown;
        if (isThenable(pending)) pending.then(undefined, warn);
      } catch (cause) {
        warn(cause);
      }
    });
  }

  #beginBatch(): boolean {
    if (this.#state !== "idle") return false;
    if (this.#gate !== null && !this.#gate.tryEnter()) {
      this.#state = "waiting";
      this.#gate.enterLater(() => this.#turn());
      return false;
    }
    this.#startBatch();
    return true;
  }

  #turn(): void {
    if (this.#state !== "waiting") {
      this.#gate?.leave(); // silenced meanwhile
      return;
    }
    this.#startBatch();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const task of waiting) task();
  }

  #startBatch(): void {
    this.#state = "in-batch";
    process.nextTick(this.#endBatch);
    this.#guard("onWorkerThreadBegin", undefined, () => this.#events.onWorkerThreadBegin());
  }

  #guard(name: string, sessionId: SessionId | undefined, event: () => unknown): void {
    try {
      void this.settle(name, sessionId, event());
    } catch (cause) {
      this.threw(name, sessionId, cause);
    }
  }
}

function warn(cause: unknown): void {
  process.emitWarning(`onError threw ${describe(cause)}`, "LanwireWarning");
}

function describe(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
