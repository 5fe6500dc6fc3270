/** The targets that are fuzzed in this process. */
import { batch } from "./batch.ts";
import { decoder } from "./decoder.ts";
import { mail } from "./mail.ts";
import { options } from "./options.ts";
import { reader } from "./reader.ts";
import type { FuzzTarget } from "./target.ts";

export const TARGETS: readonly FuzzTarget[] = [decoder, reader, batch, mail, options];

export function targetNamed(name: string): FuzzTarget | undefined {
  return TARGETS.find((target) => target.name === name);
}
