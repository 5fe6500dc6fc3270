/**
 * Putting defects into the library for a while: a method or getter is replaced, and put back.
 */
import type { Plan } from "./plan.ts";

/** Something that the library does not do, for whoever claims to see everything must see it. */
export interface Defect {
  readonly name: string;
  /** What the oracle must say. */
  readonly seenAs: RegExp;
  /** Puts it in; the answer takes it out. */
  put(): () => void;
  /** Makes histories in which it soon shows. */
  readonly tune?: (plan: Plan) => Plan;
}

type Method = (this: never, ...given: never[]) => unknown;

/** Replaces a method; `make` is given the original. */
export function replace<T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  make: (original: T[K] & Method) => unknown,
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!;
  const value = make(original.value as T[K] & Method);
  Object.defineProperty(prototype, name, { ...original, value });
  return () => Object.defineProperty(prototype, name, original);
}

/** Replaces a getter. */
export function regard<T extends object, V>(
  prototype: T,
  name: keyof T & string,
  lie: (truth: V) => V,
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, {
    ...original,
    get(this: T): V {
      return lie(original.get!.call(this));
    },
  });
  return () => Object.defineProperty(prototype, name, original);
}

/** Answers true at each `nth` call. */
export function every(nth: number): () => boolean {
  let calls = 0;
  return () => ++calls % nth === 0;
}

export function all(...undo: (() => void)[]): () => void {
  return () => {
    for (const each of undo) each();
  };
}
