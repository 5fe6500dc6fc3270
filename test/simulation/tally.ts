/**
 * What a run of many histories must have met, so that it says something: every leave reason, event, outcome and
 * fault that the simulation claims to reach. A kind that stays away in a long run is a defect of the simulation.
 */
import { LEAVE_REASONS } from "../../src/index.ts";
import { WEIGHTS } from "./operations.ts";
import type { Tally } from "./world.ts";

/** Adds one history's tally to another. */
export function addTally(to: Tally, from: Tally): void {
  for (const [what, times] of from) to.set(what, (to.get(what) ?? 0) + times);
}

/** What did not happen, of all that should in many histories. */
export function unmet(tally: Tally): string[] {
  return EXPECTED.filter((what) => !tally.has(what));
}

/** Reasons that no link of the in-memory network can lead to. */
const ELSEWHERE = [
  "thread-died",
  "frame-code-wrong",
  "frame-checksum-wrong",
  "first-packet-timeout",
  "idle-timeout",
  "over-pace",
];
/** Only a server ends its sessions for these: a LanServer never writes a broken header, nor is a client stopped. */
const SERVER_ONLY = ["frame-invalid", "server-stopped"];

const EXPECTED: readonly string[] = [
  ...reasons([]).map((reason) => `server left: ${reason}`),
  ...reasons(SERVER_ONLY).map((reason) => `client left: ${reason}`),
  ...(
    "onConnectionRequest onClientJoin onRecv onSend onSendReady onClientLeave onEnterJoinServer onLeaveServer " +
    "onError onWorkerThreadBegin onWorkerThreadEnd"
  )
    .split(" ")
    .map((event) => `event ${event}`),
  ...Object.keys(WEIGHTS).map((operation) => `operation: ${operation}`),
  "fault: cut",
  "fault: stall",
  "fault: half-open one way",
  "fault: half-open",
  "fault: slow link",
  "fault: cut behind bytes",
  "fault: system gives a link up",
  "fault: the clock jumped",
  "fault: a handler threw",
  "fault: a handler blocked the thread",
  "fault: a slow handler",
  "fault: a peer without a protocol came",
  "error: ACCEPT_FAILED",
  "error: CONNECT_FAILED",
  "error: CONNECT_TIMEOUT",
  "error: CONNECTION_FAILED",
  "error: EVENT_THREW",
  "error: FRAME_INVALID",
  "error: FRAME_TOO_LARGE",
  "outcome: all arrived behind a drain",
  "outcome: connect rejected with CONNECT_ABORTED",
  "outcome: connect rejected with CONNECT_FAILED",
  "outcome: connect rejected with CONNECT_TIMEOUT",
  "outcome: a handler waited for stop or disconnect",
  "outcome: a second start was refused",
  "outcome: dialled again",
  "outcome: not sent, and received of a broken write",
  "outcome: a drain took too long",
  "outcome: handlers were given up",
  "outcome: PACKET_EMPTY",
  "outcome: PACKET_TOO_LARGE",
  "outcome: reading stopped",
  "outcome: received",
  "outcome: refused",
  "outcome: refused, the queue was full",
  "outcome: sent by host id",
  "outcome: stopped",
  "outcome: told as not sent",
  "outcome: unknown behind a break",
];

function reasons(but: readonly string[]): string[] {
  return Object.keys(LEAVE_REASONS).filter((reason) => ![...ELSEWHERE, ...but].includes(reason));
}
