/**
 * The scripted fixtures as threads make them: without arguments, with their part of the play in `workerData`.
 * The handle is one of them too; its stage is given to it by the world.
 */
import { setImmediate } from "node:timers/promises";
import type { Stage } from "./player.ts";
import type { EventRecord } from "./script.ts";
import { LAN_CLIENTS, NET_CLIENTS, type ScriptedClientClass } from "./scripted-client.ts";
import { LAN_SERVERS, NET_SERVERS, type ScriptedServerClass } from "./scripted-server.ts";
import { ThreadJoins } from "./thread-joins.ts";
import type { Command, ThreadPart, Told } from "./thread-messages.ts";

// Exported by the name that the class has: so a thread finds it.
export const LanServerOnThread: ScriptedServerClass = onThread("LanServerOnThread", LAN_SERVERS.plain);
export const LanServerInBatches: ScriptedServerClass = onThread("LanServerInBatches", LAN_SERVERS.batched);
export const NetServerOnThread: ScriptedServerClass = onThread("NetServerOnThread", NET_SERVERS.plain);
export const NetServerInBatches: ScriptedServerClass = onThread("NetServerInBatches", NET_SERVERS.batched);
export const LanClientOnThread: ScriptedClientClass = onThread("LanClientOnThread", LAN_CLIENTS.plain);
export const LanClientInBatches: ScriptedClientClass = onThread("LanClientInBatches", LAN_CLIENTS.batched);
export const NetClientOnThread: ScriptedClientClass = onThread("NetClientOnThread", NET_CLIENTS.plain);
export const NetClientInBatches: ScriptedClientClass = onThread("NetClientInBatches", NET_CLIENTS.batched);

function onThread<Instance extends Fixture>(name: string, Base: new () => Instance): new () => Instance {
  // A mixin's own type parameter is all that the compiler does not follow here.
  const Class = class extends (Base as new () => Fixture) {
    static readonly module: string = import.meta.url;

    constructor() {
      super();
      enterOnThread(this);
    }
  };
  Object.defineProperty(Class, "name", { value: name });
  return Class as unknown as new () => Instance;
}

/** Turns of a thread's loop: one sees what has arrived, the next what came of it. */
const SETTLE_TURNS = 3;

interface Fixture {
  readonly side: "server" | "client";
  readonly workerData: unknown;
  enter(stage: Stage): void;
}

function enterOnThread(fixture: Fixture): void {
  const part = fixture.workerData as ThreadPart | undefined;
  if (part === undefined) return; // the handle
  const { script, port, joins, timeOrigin } = part;
  const say = (told: Told): void => port.postMessage(told);
  const tell = (...records: EventRecord[]): void => say({ kind: "records", records });
  fixture.enter({
    script,
    joined: new ThreadJoins(joins),
    nowMs: () => performance.timeOrigin + performance.now() - timeOrigin,
    tell: fixture.side === "server" ? batchwise(tell) : tell,
    listen: (perform) => {
      port.on("message", async ({ number, actions }: Command) => {
        // Nothing to do: a test that lets things settle. What was there before is handled first.
        for (let turn = 0; actions.length === 0 && turn < SETTLE_TURNS; turn++) await setImmediate();
        try {
          say({ kind: "done", number, results: perform(actions) });
        } catch (error) {
          say({ kind: "failed", number, error });
        }
      });
    },
  });
}

/** Tells a batch at its end, in one piece: a test that waits for an event of it does not look before its end was told. */
function batchwise(tell: (...records: EventRecord[]) => void): (record: EventRecord) => void {
  let batch: EventRecord[] | undefined;
  return (record) => {
    if (record.event === "begin") batch = [];
    if (batch === undefined) {
      tell(record);
      return;
    }
    batch.push(record);
    if (record.event !== "end") return;
    tell(...batch);
    batch = undefined;
  };
}
