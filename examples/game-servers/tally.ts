/** What the users of one load process count and notice. */
import { countOf, type LoadReport, type PortTally } from "./reports.ts";

/** Violations kept in words. */
const TEXTS_MAX = 10;

export class Tally {
  readonly counts: Record<string, number> = {};
  readonly #ports: Record<string, PortTally> = {};
  readonly #texts: string[] = [];
  #violations = 0;
  /** Connections that have not ended, those that are still being made included. */
  openLinks = 0;

  /** What was counted at one port, to be counted on. */
  at(port: number): PortTally {
    this.#ports[port] ??= { connects: 0, failed: 0, cut: 0, asked: 0, answered: 0, abandoned: 0, lost: 0 };
    return this.#ports[port];
  }

  count(what: string): void {
    countOf(this.counts, what);
  }

  /** A server did what it must not. */
  violation(text: string): void {
    this.#violations++;
    if (this.#texts.length < TEXTS_MAX) this.#texts.push(text);
  }

  report(users: number, gone: number): LoadReport {
    return {
      users,
      gone,
      openLinks: this.openLinks,
      ports: this.#ports,
      counts: this.counts,
      violations: this.#violations,
      violationTexts: this.#texts,
    };
  }
}
