/** NetServer and NetClient as they are, on the caller's thread and on worker threads. */

import { canMoveSockets } from "../../src/transport/tcp.ts";
import { describeSubjects } from "../conformance/suite.ts";
import { LiveWorld } from "../support/live-world.ts";
import { MemoryWorld } from "../support/memory-world.ts";
import { BARE_NET } from "../support/protocol.ts";
import { type ThreadOptions, ThreadWorld } from "../support/thread-world.ts";
import type { World } from "../support/world.ts";
import { brokenFrames, brokenFramesAcrossThreads, brokenFramesOnThreads } from "./broken-frames.ts";
import { frames, framesAcrossThreads, framesOnThreads } from "./frames.ts";
import { options } from "./options.ts";

const SUBJECTS = [frames, brokenFrames];
const NONE = () => undefined;
const NO_MOVING = canMoveSockets() ? undefined : "sockets cannot be moved between threads here";

describeSubjects("Net, memory", [...SUBJECTS, options], () => bare(new MemoryWorld()), NONE);
describeSubjects("Net, memory, every permitted misbehaviour", SUBJECTS, misbehaving, NONE);
describeSubjects("Net, TCP", SUBJECTS, () => bare(new LiveWorld("tcp")), NONE);
describeSubjects(
  "Net, one thread on either side",
  [framesOnThreads, brokenFramesOnThreads],
  onThreads({ server: 1, client: 1 }),
  NONE,
);
describeSubjects(
  "Net, a server on two threads",
  [framesAcrossThreads, brokenFramesAcrossThreads],
  onThreads({ server: 2 }),
  () => NO_MOVING,
);

function misbehaving(): World {
  const faults = { readAfterPause: 0.5, jitterMs: 0.2 };
  return bare(new MemoryWorld({ windowBytes: 100_003, chunkBytes: 5003, latencyMs: 0.3, faults }));
}

function onThreads(threads: ThreadOptions): () => World {
  return () => bare(new ThreadWorld(threads));
}

function bare(world: World): World {
  world.protocol = BARE_NET;
  return world;
}
