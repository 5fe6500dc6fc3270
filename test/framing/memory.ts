/** Measures for the framing tests: bytes that are moved, allocated and held. */
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Effort {
  /** Bytes copied from one piece of memory to another. */
  moved: number;
  /** Bytes of new slabs. */
  allocated: number;
}

/** Counts what `work` moves and allocates, whichever of the platform's ways it takes. */
export function effortOf(work: () => void): Effort {
  const effort: Effort = { moved: 0, allocated: 0 };
  const bytes = Uint8Array.prototype;
  const undo = [
    watch(bytes, "set", (_self, args) => (effort.moved += (args[0] as Uint8Array).length)),
    watch(Buffer.prototype, "copy", (_self, _args, count) => (effort.moved += count as number)),
    watch(bytes, "copyWithin", (self, [, from, to]) => {
      effort.moved += ((to as number | undefined) ?? (self as Uint8Array).length) - (from as number);
    }),
    ...(["alloc", "allocUnsafe", "allocUnsafeSlow"] as const).map((name) =>
      watch(Buffer, name, (_self, args) => (effort.allocated += args[0] as number)),
    ),
  ];
  try {
    work();
  } finally {
    for (const restore of undo) restore();
  }
  return effort;
}

/** Has `seen` told of each call of `owner[name]`; returns what ends it. (`t.mock` would remember every call.) */
function watch<Name extends string>(
  owner: Readonly<Record<Name, unknown>>,
  name: Name,
  seen: (self: unknown, args: unknown[], result: unknown) => void,
): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const original = owner[name] as (...args: unknown[]) => unknown;
  const value = function (this: unknown, ...args: unknown[]): unknown {
    const result = original.apply(this, args);
    seen(this, args, result);
    return result;
  };
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (own === undefined) delete (owner as Partial<Record<Name, unknown>>)[name];
    else Object.defineProperty(owner, name, own);
  };
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of buffers that `make` leaves behind, as long as what it returns is held. */
export async function heldBytes(make: () => unknown): Promise<number> {
  const before = await settledBytes();
  const held = make();
  const after = await settledBytes();
  void [held];
  return after - before;
}

/** Bytes of buffers that are in use. Memory is freed a while after its collection. */
async function settledBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let unchanged = 0; unchanged < 5; unchanged++) {
    collect();
    await setTimeout(2);
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers < least) unchanged = 0;
    least = Math.min(least, arrayBuffers);
  }
  return least;
}
