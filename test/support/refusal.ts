/** A peer that is refused: it never gets a byte, and its connection is over at once. */
import assert from "node:assert/strict";
import type { DialOptions, World } from "./world.ts";

/** Dials, and waits for the refusal; gives the error that the dial or the connection ended with. */
export async function refusal(
  world: World,
  to: { readonly dial: DialOptions },
): Promise<NodeJS.ErrnoException | undefined> {
  const peer = await world.peer(to).catch((error: NodeJS.ErrnoException) => error);
  if (peer instanceof Error) return peer;
  await world.until(peer.ended);
  if (!(await isOver(world, peer.closed))) peer.end();
  const error = await world.until(peer.closed);
  assert.equal(peer.received.length, 0);
  return error;
}

async function isOver(world: World, closed: Promise<unknown>): Promise<boolean> {
  let over = false;
  void closed.then(() => {
    over = true;
  });
  await world.settle();
  return over;
}
