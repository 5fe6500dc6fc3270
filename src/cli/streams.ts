/** What `listen` and `connect` have in common beside the link: options about lines, how long they wait, words for a leave. */
import type { NetOptions } from "../net/options.ts";
import type { Leave } from "../session/leave.ts";
import type { Arguments, OptionTable } from "./arguments.ts";

export const STREAM_OPTIONS: OptionTable = {
  format: {
    value: "text|hex|json",
    help: "lines in and out: text (default) is UTF-8, with \\xNN for what is none or would move a terminal's cursor; hex and json lose nothing",
  },
  quiet: { help: "no notices on stderr, but for problems" },
};

/** How long leaving in order may take before the link is cut. */
export const DRAIN_MS = 5000;

/**
 * What a peer sent before it closed is handed over for as long as whoever reads our stdout needs; leaving has a limit of
 * its own, DRAIN_MS.
 */
export const PATIENT: Pick<Required<NetOptions>, "disconnectDrainMs"> = { disconnectDrainMs: 2 ** 31 - 1 };

/** `--wait-ms`: milliseconds, or Infinity. @throws UsageError */
export function readWaitMs(args: Arguments): number | undefined {
  return args.text("wait-ms") === "forever"
    ? Number.POSITIVE_INFINITY
    : args.whole("wait-ms", 0, 2 ** 31 - 1);
}

/** For people: `left: reset (ECONNRESET); 2 packets (30 bytes) were taken and not sent`. */
export function leaveText(subject: string, { reason, notSent, cause }: Leave): string {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const lost =
    notSent.packets === 0
      ? ""
      : `; ${notSent.packets} packets (${notSent.bytes} bytes) were taken and not sent`;
  return `${subject}: ${reason}${code === undefined ? "" : ` (${code})`}${lost}`;
}
