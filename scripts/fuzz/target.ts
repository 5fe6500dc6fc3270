/**
 * The process under test: a LanServer per link. It tells which sessions left with what, whatever is not as it
 * must be, and its memory when asked. It catches nothing: a crash is a crash.
 */
import { setTimeout as delay } from "node:timers/promises";
import { FuzzServer } from "./fuzz-server.ts";
import { LINKS, serverOptions } from "./links.ts";
import type { FromTarget, MemorySample, ToTarget } from "./messages.ts";

const TELL_EVERY_MS = 20;
/** Events throw most of the time here; this is enough to find a problem, and cheap. */
Error.stackTraceLimit = 2;

const servers = LINKS.map((link) => new FuzzServer(link, process.argv[2]!, problem));

function tell(message: FromTarget): void {
  process.send!(message);
}

function problem(text: string): void {
  tell({ kind: "problem", text });
}

function tellLeft(): void {
  for (const [link, server] of servers.entries()) {
    const sessions = server.takeLeft();
    if (sessions.length > 0) tell({ kind: "left", link, sessions });
  }
}

async function memory(): Promise<MemorySample> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc!();
    await delay(5); // buffers are freed a while after their collection
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const sessions = servers.reduce((sum, server) => sum + server.getSessionCount(), 0);
  return { rss, heapUsed, arrayBuffers, sessions };
}

async function stop(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop({ drainMs: 1000 })));
  tellLeft();
  const errors: Record<string, number> = {};
  for (const server of servers) {
    server.checkKept();
    for (const [code, count] of server.errors) errors[code] = (errors[code] ?? 0) + count;
  }
  const sum = (count: (server: FuzzServer) => number): number => servers.reduce((n, s) => n + count(s), 0);
  tell({
    kind: "stopped",
    packets: sum(({ packets }) => packets),
    joins: sum(({ joins }) => joins),
    leaves: sum(({ leaves }) => leaves),
    errors,
  });
  process.disconnect!();
}

process.on("warning", (warning) => problem(`a process warning: ${warning.message}`));
process.on("message", (message: ToTarget) => {
  switch (message.kind) {
    case "measure":
      void memory().then((sample) => tell({ kind: "memory", sample }));
      return;
    case "stop":
      clearInterval(telling);
      void stop();
      return;
  }
});
const telling = setInterval(tellLeft, TELL_EVERY_MS);
const addresses = await Promise.all(servers.map((server, i) => server.start(serverOptions(LINKS[i]!))));
tell({ kind: "listening", ports: addresses.map(({ port }) => port) });
