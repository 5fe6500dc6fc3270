/** Assertions on what calls throw or reject with. */
import assert from "node:assert/strict";
import { type ErrorCode, LanError } from "../../src/index.ts";
import type { World } from "./world.ts";

/** Asserts that `attempt` rejects with a LanError of `code`; gives the error. */
export async function assertLanError(
  world: World,
  attempt: Promise<unknown>,
  code: ErrorCode,
): Promise<LanError> {
  const error = await world.until(
    attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  return checked(error, code);
}

/** The same for a call that throws. */
export function assertThrows(call: () => unknown, code: ErrorCode): LanError {
  try {
    call();
  } catch (error) {
    return checked(error, code);
  }
  assert.fail(`${code} was not thrown`);
}

function checked(error: unknown, code: ErrorCode): LanError {
  if (!(error instanceof LanError)) assert.fail(`no LanError ${code}: ${error}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, /^Cannot /);
  return error;
}
