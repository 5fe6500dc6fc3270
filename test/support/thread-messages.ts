/** What crosses the port between a fixture on a thread and its test. */
import type { MessagePort } from "node:worker_threads";
import type { Action, EventRecord, Script } from "./script.ts";

/** What a thread is given as its `workerData`. */
export interface ThreadPart {
  readonly script: Script;
  readonly port: MessagePort;
  readonly joins: SharedArrayBuffer;
  /** When the test's clock began, in ms since the epoch. */
  readonly timeOrigin: number;
}

/** From the test. */
export interface Command {
  readonly number: number;
  readonly actions: readonly Action[];
}

/** To the test. */
export type Told =
  | { readonly kind: "records"; readonly records: readonly EventRecord[] }
  | { readonly kind: "done"; readonly number: number; readonly results: unknown[] }
  | { readonly kind: "failed"; readonly number: number; readonly error: unknown };
