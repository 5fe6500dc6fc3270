/**
 * The workers behind a handle: brings them up, keeps one in reserve, has another ready for the place of one that died.
 *
 *     new Worker --> loading --"ready"--> reserve --assign(number)--> at work --exit--> onDied, replacement()
 *
 * A worker in reserve has loaded the user's module and nothing else, so that a dead thread's place is taken at
 * once instead of after a worker's start. After threads that died young, replacements wait, ever longer.
 *
 * Invariants: `onDied` comes exactly once for each thread at work that ends without `dismiss` or `endAll`. Every
 * worker that lives is known here, so `endAll` leaves none.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isNativeError } from "node:util/types";
import { MessageChannel, MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { LanError } from "../base/errors.ts";
import { invalidOption, show } from "../base/options.ts";
import { bootWorkerData, type ClassReference, failureFrom } from "./boot.ts";
import type { ThreadMessage } from "./messages.ts";

/** The option `workerThreads`, with what goes to each thread. */
export interface ThreadSettings {
  readonly created: number;
  readonly running: number;
  /** A value, or a function of the thread's number. */
  readonly workerData: unknown;
}

/** One worker that has loaded the module. */
export interface Member {
  readonly worker: Worker;
  /** Leads to the thread; the other end waits for its assignment. */
  readonly port: MessagePort;
}

/** A thread that lives this long had a good start: the next replacement comes without a pause. */
const SETTLED_MS = 1000;
const RESERVE_DELAY_MS = 300;
const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 5000;

export class Crew {
  readonly #reference: ClassReference;
  readonly #onMessage: (thread: number, message: ThreadMessage) => void;
  readonly #onDied: (thread: number, cause: unknown) => void;
  /** Every worker that has not exited. */
  readonly #alive = new Set<Worker>();
  readonly #atWork = new Map<number, { readonly member: Member; readonly sinceMs: number }>();
  readonly #ending = new AbortController();
  #reserve: Promise<Member> | undefined;
  /** Deaths in a row of threads that had not settled, and assignments that failed. */
  #badStarts = 0;

  constructor(
    reference: ClassReference,
    onMessage: (thread: number, message: ThreadMessage) => void,
    onDied: (thread: number, cause: unknown) => void,
  ) {
    this.#reference = reference;
    this.#onMessage = onMessage;
    this.#onDied = onDied;
  }

  /**
   * Workers that are ready, to be assigned; made side by side.
   * @throws LanError THREAD_MODULE_FAILED, THREAD_CLASS_NOT_EXPORTED, THREAD_STARTED_IN_MODULE
   */
  async bringUp(count: number): Promise<Member[]> {
    return Promise.all(Array.from({ length: count }, () => this.#spawn()));
  }

  /** From now on the member is that thread. @throws LanError THREAD_DIED where it has died since it was ready. */
  assign(thread: number, member: Member): void {
    const { port, worker } = member;
    if (!this.#alive.has(worker))
      throw new LanError("THREAD_DIED", "Cannot use a thread: it died before its work");
    const sinceMs = performance.now();
    this.#atWork.set(thread, { member, sinceMs });
    port.on("message", (message: ThreadMessage) => this.#onMessage(thread, message));
    port.unref();
    worker.ref();
    let cause: unknown;
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => {
      port.close();
      if (this.#atWork.get(thread)?.member !== member) return;
      this.#atWork.delete(thread);
      this.#badStarts = performance.now() - sinceMs < SETTLED_MS ? this.#badStarts + 1 : 0;
      this.#onDied(thread, cause ?? new Error(`the thread exited with code ${code}`));
    });
  }

  port(thread: number): MessagePort | undefined {
    return this.#atWork.get(thread)?.member.port;
  }

  get threads(): readonly number[] {
    return [...this.#atWork.keys()];
  }

  /** Soon has a replacement ready, for when it is needed. */
  async keepReserve(): Promise<void> {
    const { signal } = this.#ending;
    // Not at once: those who just came shall have the processors first.
    await sleep(RESERVE_DELAY_MS, undefined, { ref: false, signal }).catch(() => {});
    if (signal.aborted || this.#reserve !== undefined) return;
    const reserve = this.#spawn();
    this.#reserve = reserve;
    const forget = (): void => {
      if (this.#reserve === reserve) this.#reserve = undefined;
    };
    reserve.then(({ worker }) => {
      worker.unref();
      worker.once("exit", forget);
    }, forget); // a failure is told to whoever asks for the next replacement
  }

  /** A ready worker for a dead one's place; undefined where the crew is ended meanwhile. */
  async replacement(): Promise<Member | undefined> {
    const { signal } = this.#ending;
    try {
      if (this.#badStarts > 1) await sleep(pauseMs(this.#badStarts), undefined, { signal });
      const reserve = this.#reserve ?? this.#spawn();
      this.#reserve = undefined;
      return await reserve;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#badStarts++;
      throw error;
    }
  }

  /** Ends one thread whose start failed; `onDied` does not follow. */
  async dismiss(thread: number): Promise<void> {
    const atWork = this.#atWork.get(thread);
    this.#atWork.delete(thread);
    this.#badStarts++;
    await atWork?.member.worker.terminate();
  }

  /** Ends every thread; `onDied` does not follow. */
  async endAll(): Promise<void> {
    this.#ending.abort();
    this.#atWork.clear();
    await Promise.all([...this.#alive].map((worker) => worker.terminate()));
  }

  #spawn(): Promise<Member> {
    const { port1: port, port2 } = new MessageChannel();
    return new Promise((resolve, reject) => {
      const fail = (error: LanError): void => {
        port.close();
        reject(error);
      };
      let worker: Worker;
      try {
        const workerData = bootWorkerData(this.#reference, port2);
        worker = new Worker(new URL(this.#reference.module), { workerData, transferList: [port2] });
      } catch (cause) {
        fail(loadError(this.#reference, cause));
        return;
      }
      this.#alive.add(worker);
      let hasSpoken = false;
      const hear = (message: ThreadMessage): void => {
        hasSpoken = true;
        if (message.kind === "ready") resolve({ worker, port });
        else if (message.kind === "failed") {
          fail(failureFrom(message));
          void worker.terminate();
        }
      };
      port.once("message", hear);
      worker.on("error", (cause) => fail(loadError(this.#reference, cause)));
      worker.on("exit", () => {
        this.#alive.delete(worker);
        // Why it ended may lie in the port still: a thread's exit can come before its last words.
        const last = hasSpoken
          ? undefined
          : (receiveMessageOnPort(port)?.message as ThreadMessage | undefined);
        if (last?.kind === "failed") hear(last);
        fail(loadError(this.#reference, new Error("its thread ended while it was loaded")));
      });
    });
  }
}

function pauseMs(badStarts: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(badStarts, 16));
}

/** A death before "ready", with the code that it carries where it is one of ours. */
function loadError({ module }: ClassReference, cause: unknown): LanError {
  if (cause instanceof Error && cause.name === "LanError" && "code" in cause) {
    return new LanError((cause as LanError).code, cause.message, { cause });
  }
  return new LanError("THREAD_MODULE_FAILED", `Cannot load ${module} on a worker thread: ${cause}`, {
    cause,
  });
}

/**
 * The data for one thread, with the ports in it that must move.
 * @throws LanError OPTION_INVALID where the application's function throws, or its data cannot be read.
 */
export function dataForThread(workerData: unknown, thread: number): { data: unknown; ports: MessagePort[] } {
  try {
    const data: unknown = typeof workerData === "function" ? workerData(thread) : workerData;
    return { data, ports: portsIn(data) };
  } catch (cause) {
    throw invalidWorkerData(cause);
  }
}

const REASON_UNITS_MAX = 200;

export function invalidWorkerData(cause: unknown): LanError {
  const why = isError(cause) ? `${cause.name}: ${cause.message}` : show(cause);
  const { code, message } = invalidOption("workerData", why.slice(0, REASON_UNITS_MAX));
  return new LanError(code, message, { cause });
}

/** What cannot be cloned is told by a DOMException, which Node 22 takes for no native error. The value may be a hostile one. */
function isError(value: unknown): value is Error {
  try {
    return isNativeError(value) || value instanceof DOMException;
  } catch {
    return false;
  }
}

/** How deep in plain objects and lists ports are looked for. */
const PORTS_DEPTH = 4;

/** Each once, level by level: what leads to itself, or to one place in many ways, is walked through once too. */
function portsIn(value: unknown): MessagePort[] {
  const found = new Set<unknown>([value]);
  let level: unknown[] = [value];
  for (let depth = 0; depth <= PORTS_DEPTH && level.length > 0; depth++) {
    const inside = level.filter(isPlain).flatMap((each) => Object.values(each));
    level = [];
    for (const each of inside) {
      if (each === null || typeof each !== "object" || found.has(each)) continue;
      found.add(each);
      level.push(each);
    }
  }
  return [...found].filter((each) => each instanceof MessagePort);
}

function isPlain(value: unknown): value is object {
  if (value === null || typeof value !== "object" || value instanceof MessagePort) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
