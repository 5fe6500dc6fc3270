/**
 * The suite over worker threads: all of it with the server on one thread; with the client on a thread what says
 * "client"; with three threads, two of them running, what concerns sessions that live apart.
 */
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { type ThreadOptions, ThreadWorld } from "../support/thread-world.ts";
import { inWorld, lackOf, type Subject } from "./suite.ts";

/** What a test asks of one thread and no contract promises across threads. */
const SKIPPED: Readonly<Record<string, string>> = {
  "disconnect with now in the turn of the sendPacket: nothing of it counts as sent":
    "packets cross in front of the disconnect, so their thread may have written them when it comes",
  "notSent counts frames with their headers":
    "packets cross in front of the disconnect, so their thread may have written them when it comes",
  "notSent of the client: what it had taken in the turn in which it left":
    "packets cross in front of the disconnect, so their thread may have written them when it comes",
};
const SUBJECTS = await allSubjects();
const APART: ReadonlySet<string> = new Set(["host ids", "sending", "sessions and ids", "leave"]);

describeThreads("a server on one thread", { server: 1 }, () => true);
describeThreads("a client on a thread", { client: 1 }, (_, title) => /client/i.test(title));
describeThreads("a server on three threads", { server: { created: 3, running: 2 } }, ({ name }, title) => {
  return APART.has(name) && !title.endsWith("is no session: the answer is no");
});

function describeThreads(
  name: string,
  threads: ThreadOptions,
  isChosen: (subject: Subject, title: string) => boolean,
): void {
  const first = new ThreadWorld(threads);
  const { server = 0 } = threads;
  const isPossible = canMoveSockets() || typeof server === "number";
  describe(`conformance, ${name}`, () => {
    for (const subject of SUBJECTS) {
      describe(subject.name, () => {
        subject.tests((title, body, ...needs) => {
          const lack = lackOf(first, needs);
          if (!isChosen(subject, title) || lack === undefined) return;
          const immobile = !isPossible && "sockets cannot be moved between threads here";
          const skip = SKIPPED[title] ?? (lack || immobile);
          it(title, { skip }, (t) => inWorld(() => new ThreadWorld(threads), t, body));
        });
      });
    }
  });
}

/** Every subject of this folder, so that none is forgotten here. */
async function allSubjects(): Promise<Subject[]> {
  const files = readdirSync(import.meta.dirname).filter((name) => !/^suite\.ts$|\.test\.ts$/.test(name));
  const modules = await Promise.all(
    files.map((name) => import(new URL(name, import.meta.url).href) as Promise<object>),
  );
  return modules.flatMap((module) => Object.values(module).filter(isSubject));
}

function isSubject(value: unknown): value is Subject {
  return typeof value === "object" && value !== null && "tests" in value && typeof value.tests === "function";
}
