/** What listening costs where nobody does, and what becomes of a subscriber that throws. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { Announcer } from "../../src/engine/channels.ts";
import { LanError } from "../../src/index.ts";
import { makeSessionId } from "../../src/session/session-id.ts";
import { ChannelLog } from "../support/channel-log.ts";

const ID = makeSessionId(1, 0);

/** Fails where anything of it is read. */
const UNTOUCHABLE = new Proxy(
  {},
  {
    get(_, property): never {
      throw new Error(`${String(property)} was read`);
    },
  },
) as never;

it("where nobody listens nothing of a message is made: no name, address, leave or error is even read", () => {
  const announcer = new Announcer("server", {}, 0, UNTOUCHABLE);
  announcer.join(ID, UNTOUCHABLE);
  announcer.leave(ID, announcer.nameAtLeave(ID), UNTOUCHABLE, UNTOUCHABLE);
  announcer.refuse("application", UNTOUCHABLE);
  announcer.error(new Proxy(new LanError("LISTEN_FAILED", ""), { get: () => undefined }));
  assert.equal(announcer.sendRefused("north", 1, true), false);
  assert.equal(announcer.tellsRefusals, false);
});

it("a message is the subscriber's own: changing it changes nothing", (t) => {
  const told = new ChannelLog(t);
  const announcer = new Announcer("server", {}, 0, { nameOf: () => undefined });
  const ends = { remote: { ip: "10.0.0.2", port: 1 }, local: { ip: "10.0.0.1", port: 2 } };
  const leave = { reason: "reset", notSent: { packets: 3, bytes: 30 } } as const;
  announcer.join(ID, ends);
  announcer.leave(ID, undefined, leave, ends);
  const [joined = assert.fail()] = told.of("lanwire:join");
  const [left = assert.fail()] = told.of("lanwire:leave");
  Object.assign(joined.remote, { ip: "" });
  Object.assign(left.notSent, { packets: 0 });
  assert.equal(ends.remote.ip, "10.0.0.2");
  assert.equal(leave.notSent.packets, 3);
});

it("a subscriber that throws breaks no link: the process hears of it as an uncaught exception", () => {
  const { stdout, stderr, status } = throwing("guarded");
  assert.deepEqual(
    stdout.trim().split("\n"),
    [
      "joined",
      "uncaught: at lanwire:join",
      "echoed 020000000708",
      "uncaught: at lanwire:leave",
      "left peer-closed 0",
    ],
    stderr,
  );
  assert.equal(status, 0);
});

it("and ends where it hears no uncaught exceptions, as Node has it", () => {
  const { stderr, status } = throwing("unguarded");
  assert.match(stderr, /Error: at lanwire:join/);
  assert.notEqual(status, 0);
});

function throwing(how: "guarded" | "unguarded") {
  const file = fileURLToPath(new URL("fixtures/throwing-subscriber.ts", import.meta.url));
  return spawnSync(process.execPath, [file, how], { encoding: "utf8", timeout: 60_000 });
}
