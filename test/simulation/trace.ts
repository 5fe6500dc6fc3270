/**
 * Everything that happened in a history, in order: its hash, by which two runs are compared, and its tail, for
 * whoever looks for a failure.
 *
 *      note(when, who, what, x, y) --> hash of all notes        64 bits, equal only where every note is
 *                                 \--> the last notes, as text on demand
 */
interface Note {
  atMs: number;
  who: string;
  what: string;
  x: number;
  y: number;
}

const KEPT = 400;

export class Trace {
  notes = 0;
  readonly #kept: Note[] = [];
  readonly #words = new Uint32Array(2);
  readonly #number = new Float64Array(this.#words.buffer);
  readonly #texts = new Map<string, number>();
  #low = 0x811c9dc5;
  #high = 0x9747b28c;

  /** HOT. */
  note(atMs: number, who: string, what: string, x = 0, y = 0): void {
    this.#mix(atMs);
    this.#low = Math.imul(this.#low ^ this.#hashOf(who), 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#hashOf(what), 0x5bd1e995) + this.#low;
    this.#mix(x);
    this.#mix(y);
    const at = this.notes++ % KEPT;
    const old = this.#kept[at];
    if (old === undefined) this.#kept.push({ atMs, who, what, x, y });
    else {
      old.atMs = atMs;
      old.who = who;
      old.what = what;
      old.x = x;
      old.y = y;
    }
  }

  /** Of all notes so far. */
  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  /** The last notes, one line each. */
  tail(lines: number): string[] {
    const count = Math.min(lines, this.#kept.length);
    return Array.from({ length: count }, (_, i) => {
      const { atMs, who, what, x, y } = this.#kept[(this.notes - count + i) % KEPT]!;
      return `${atMs.toFixed(3).padStart(12)}  ${who.padEnd(12)} ${what} ${x} ${y}`;
    });
  }

  #mix(value: number): void {
    this.#number[0] = value;
    this.#low = Math.imul(this.#low ^ this.#words[0]!, 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#words[1]! ^ (this.#low >>> 13), 0x5bd1e995);
  }

  #hashOf(text: string): number {
    let hash = this.#texts.get(text);
    if (hash === undefined) {
      hash = 0;
      for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) + 1;
      this.#texts.set(text, hash);
    }
    return hash;
  }
}
