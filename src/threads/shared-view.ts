/** One thread's tools on the shared memory: what the handle and every thread begin with. */
import { SharedLock } from "./shared-lock.ts";
import { type SharedBuffers, SharedMemory } from "./shared-memory.ts";
import { SharedRegistry } from "./shared-registry.ts";

export interface SharedView {
  readonly memory: SharedMemory;
  readonly lock: SharedLock;
  readonly registry: SharedRegistry;
}

/** @param thread whose view it is: 0 is the handle. */
export function viewShared(buffers: SharedBuffers, thread: number): SharedView {
  const memory = new SharedMemory(buffers);
  const lock = new SharedLock(memory, thread);
  return { memory, lock, registry: new SharedRegistry(memory, lock) };
}
