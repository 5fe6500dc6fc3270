/**
 * Stands in for `node:assert/strict` in the tests that the runner loads. It judges the same and describes less: the
 * difference of two large buffers, which nobody reads here, takes minutes.
 */
import strict from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

function check(holds: boolean, name: string): void {
  if (!holds) throw new Error(`${name}() does not hold`);
}

const quick = {
  equal: (a: unknown, b: unknown) => check(Object.is(a, b), "equal"),
  notEqual: (a: unknown, b: unknown) => check(!Object.is(a, b), "notEqual"),
  deepEqual: (a: unknown, b: unknown) => check(isDeepStrictEqual(a, b), "deepEqual"),
  notDeepEqual: (a: unknown, b: unknown) => check(!isDeepStrictEqual(a, b), "notDeepEqual"),
  ok: (holds: unknown) => check(Boolean(holds), "ok"),
};

const assert: object = Object.assign((holds: unknown) => check(Boolean(holds), "assert"), strict, quick);

// biome-ignore lint/style/noDefaultExport: as the module has it that this stands in for
export default assert;
