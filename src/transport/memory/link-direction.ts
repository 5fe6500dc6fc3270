/** One way of a link, as the tests that disturb it see it. */

/** One way of a link, as a test may disturb it. Bytes count as delivered once their receiver has them. */
export interface LinkDirection {
  /** Bytes that the sending kernel has taken from its writer so far. */
  readonly takenBytes: number;
  /** Bytes that the reader has got so far. */
  readonly deliveredBytes: number;
  /** Resets the link, both ends, behind exactly `byteLength` more delivered bytes; 0 is at once. */
  cutAfter(byteLength: number): void;
  /** Delivers nothing, for `ms` of virtual time or until `resume`; nothing is lost. */
  stall(ms?: number): void;
  /** Ends a stall. */
  resume(): void;
  /**
   * Loses everything that is not delivered yet and all that follows, without a word and for good: bytes,
   * FIN, RST, and the acknowledgements of the other way, whose window then fills too.
   */
  halfOpen(): void;
  /** Delivers at most `bytesPerSecond` of virtual time from now on; Infinity ends it. */
  slowRead(bytesPerSecond: number): void;
}
