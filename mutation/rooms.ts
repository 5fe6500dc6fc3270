/** The rooms that are mutated, and for each the tests that are held against it: the smallest set that should tell. */

export interface Room {
  /** The files whose code is changed. */
  readonly mutate: readonly string[];
  /** The test files, fastest first; of their tests each mutant meets those that reach it. */
  readonly tests: readonly string[];
}

export const ROOMS: Readonly<Record<string, Room>> = {
  framing: {
    // What young-slabs.ts does shows in the collector only: test/session/young-slabs.test.ts.
    mutate: ["src/framing/*.ts", "!src/framing/young-slabs.ts"],
    // The random tests of send-buffer and receive-buffer go byte by byte: too slow for each mutant.
    tests: testsOf("framing", [
      "length-header",
      "decode-frames",
      "send-slabs",
      "receive-slabs",
      "receive-sharing",
      "net-queue",
      "net-codec",
    ]),
  },
  packet: {
    mutate: ["src/packet/*.ts"],
    tests: testsOf("packet", [
      "messages",
      "packet-memory",
      "memory",
      "packet-room",
      "packet-loans",
      "packet-fields",
      "packet-text",
    ]),
  },
  session: {
    mutate: ["src/session/*.ts"],
    tests: testsOf("session", [
      "session-id",
      "crossing",
      "session-registry",
      "session-table",
      "liveness",
      "lateness",
      "pace",
      "inbox",
      "flusher",
      "inflow",
      "inflow-slabs",
      "session-open",
      "session-leaving",
      "session-sweeping",
    ]),
  },
};

function testsOf(folder: string, names: readonly string[]): string[] {
  return names.map((name) => `test/${folder}/${name}.test.ts`);
}
