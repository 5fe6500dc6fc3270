/** The collector on a worker thread that dies: what happens on the handle is told as well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import type { CollectorEvent } from "../../src/monitor/collector.ts";
import { DyingCollector } from "./fixtures/dying-collector.ts";
import { loginBytes, RawReporter } from "./fixtures/raw-reporter.ts";

test("the sessions of a thread that died are told to be gone, with the reason, and reports go on", async (t) => {
  const collector = new DyingCollector();
  const told: CollectorEvent[] = [];
  let wake = (): void => {};
  const take = (events: readonly CollectorEvent[]): void => {
    told.push(...events);
    wake();
  };
  const until = async (look: () => boolean): Promise<void> => {
    while (!look()) await new Promise<void>((resolve) => (wake = resolve));
  };
  collector.emit = take;
  const { port } = await collector.start({
    port: 0,
    framing: "u16le",
    workerThreads: 1,
    workerData: (thread: number) => {
      if (thread === 0) return undefined;
      const { port1, port2 } = new MessageChannel();
      port1.on("message", take).unref();
      return { port: port2 };
    },
  });
  t.after(() => collector.stop({ drainMs: 0 }));
  await RawReporter.dial(t, port, loginBytes(1));
  await until(() => told.some(({ kind }) => kind === "said"));
  const { sessionId } = told.find((event) => event.kind === "said")!;
  await RawReporter.dial(t, port, loginBytes(666));
  const gone = (): CollectorEvent | undefined =>
    told.find((event) => event.kind === "gone" && event.sessionId === sessionId);
  await until(() => gone() !== undefined && told.some(({ kind }) => kind === "failed"));
  assert.deepEqual(gone(), { kind: "gone", sessionId, reason: "thread-died" });
  const failed = told.find((event) => event.kind === "failed");
  assert.match(failed!.text, /^THREAD_DIED: /);
  const before = told.length;
  // The thread that takes its place listens within 100 ms.
  while ((await RawReporter.dial(t, port, loginBytes(2)).catch(() => undefined)) === undefined);
  await until(() => told.slice(before).some(({ kind }) => kind === "said"));
});
