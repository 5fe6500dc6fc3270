/**
 * The `dataType` byte of a data update: which figure it carries, and in which unit.
 *
 *     range     belongs to      used here
 *     1 - 6     login server    -
 *     10 - 23   game server     11 process CPU, 12 process memory, 23 event-loop delay
 *     30 - 37   chat server     31 process CPU, 32 process memory, 37 event-loop delay
 *     40 - 44   the host        40 CPU, 41 memory used, 42 received, 43 sent, 44 memory available
 *
 * A number inside a range that has no name here is shown by its number; one outside every range is refused.
 */

/** What an agent plays, which decides the range of its process figures. */
export type Role = "game" | "chat";

/** The data types of the host's figures. */
export const HOST = {
  cpuPercent: 40,
  memoryUsedMib: 41,
  receivedKibPerSecond: 42,
  sentKibPerSecond: 43,
  memoryAvailableMib: 44,
} as const;

/** The data types of a process' figures, for each role. */
export const PROCESS = {
  game: { cpuPercent: 11, memoryMib: 12, loopDelayMicros: 23 },
  chat: { cpuPercent: 31, memoryMib: 32, loopDelayMicros: 37 },
} as const;

/** How a figure is shown. */
export interface DataType {
  readonly name: string;
  readonly unit: string;
}

/** The name and unit of a data type; undefined outside every range. */
export function describeDataType(dataType: number): DataType | undefined {
  const named = NAMES[dataType];
  if (named !== undefined) return named;
  const range = RANGES.find(({ first, last }) => dataType >= first && dataType <= last);
  return range && { name: `${range.of} ${dataType}`, unit: "" };
}

const RANGES = [
  { first: 1, last: 6, of: "login server" },
  { first: 10, last: 23, of: "game server" },
  { first: 30, last: 37, of: "chat server" },
  { first: 40, last: 44, of: "host" },
] as const;

const NAMES: Readonly<Record<number, DataType>> = {
  [HOST.cpuPercent]: { name: "host CPU", unit: "%" },
  [HOST.memoryUsedMib]: { name: "host memory used", unit: "MiB" },
  [HOST.receivedKibPerSecond]: { name: "host received", unit: "KiB/s" },
  [HOST.sentKibPerSecond]: { name: "host sent", unit: "KiB/s" },
  [HOST.memoryAvailableMib]: { name: "host memory available", unit: "MiB" },
  ...processNames("game"),
  ...processNames("chat"),
};

function processNames(role: Role): Record<number, DataType> {
  return {
    [PROCESS[role].cpuPercent]: { name: `${role} CPU`, unit: "%" },
    [PROCESS[role].memoryMib]: { name: `${role} memory`, unit: "MiB" },
    [PROCESS[role].loopDelayMicros]: { name: `${role} loop delay`, unit: "us" },
  };
}
