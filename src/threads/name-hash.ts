/** The hash by which the names' index is ordered: the same for a name in a slot and for one in hand. */
import { NAME_STRIDE } from "./shared-memory.ts";

/** Of the name that lies in a slot: its length, then its units. */
export function hashOfSlot(names: Uint16Array, slot: number): number {
  const at = slot * NAME_STRIDE;
  return hashOfUnits(names, at + 1, names[at]!);
}

/** Of `length` units from `at` on. Allocates nothing. */
export function hashOfUnits(units: Uint16Array, at: number, length: number): number {
  let hash = 0;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + units[at + i]!) | 0;
  return hash;
}
