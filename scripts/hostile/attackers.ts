/** All who misbehave, in one process. */
import { serve } from "../overload/child.ts";
import { Hostile, type Ports, type Seen } from "./acts.ts";
import { KINDS, roleOf } from "./plan.ts";

/** By kind. */
export type SeenByKind = Record<string, Seen>;

let hostiles: Hostile[] = [];
const seen: SeenByKind = {};

serve({
  attack: ({ ports }: { ports: Ports }) => {
    hostiles = KINDS.flatMap((kind) => {
      seen[kind] ??= { connected: 0, failed: {} };
      return Array.from({ length: roleOf(kind).count }, (_, i) => new Hostile(kind, i, ports, seen[kind]!));
    });
    for (const hostile of hostiles) hostile.come();
  },
  withdraw: () => {
    for (const hostile of hostiles) hostile.withdraw();
    return seen;
  },
});
