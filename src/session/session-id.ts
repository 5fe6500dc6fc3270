/**
 * Session ids: a slot to find the session fast, a generation so that an id never reaches a later session.
 *
 *     id = generation * 2^20 + slot        generation 1, 2, 3, ... up to 2^33, never reused
 *
 * Host ids are strings, session ids are numbers: a target is told apart by its type.
 */

import type { SessionId } from "../base/session-id.ts";

export type { SessionId };

/** A peer's lasting name, given by the application with `setHostId` once it has identified the peer. */
export type HostId = string;

/** The most sessions that one server can hold. */
export const SESSION_SLOTS_MAX: number = 2 ** 20;

export const HOST_ID_LENGTH_MAX = 255;

export function makeSessionId(generation: number, slot: number): SessionId {
  return (generation * SESSION_SLOTS_MAX + slot) as SessionId;
}

/** HOT. Any number is allowed: it yields some slot, whose session then has another id. */
export function slotOf(id: SessionId): number {
  return id & (SESSION_SLOTS_MAX - 1);
}

export function generationOf(id: SessionId): number {
  return Math.floor(id / SESSION_SLOTS_MAX);
}
