/**
 * Every figure that a server can report: the data types of 20002, with names and units. The one table: the page, the
 * metrics, the command line and docs/metrics.md are read from it.
 *
 *     1-6 login server | 10-23 game server | 30-37 chat server | 40-44 host      as the C++ systems number them
 *     100-109 process | 110-119 LanServer | 120-129 NetServer | 130-139 LanClient | 140-149 NetClient
 *
 * A value on the wire is an i32; `scale` is how many of it make one `unit`. A number outside the table is shown by
 * its number: a foreign server may report what nobody here has heard of.
 */

/** What a figure belongs to: a heading on the page. */
export type FigureGroup =
  | "host"
  | "process"
  | "LanServer"
  | "NetServer"
  | "LanClient"
  | "NetClient"
  | "login server"
  | "game server"
  | "chat server"
  | "other";

export interface Figure {
  /** The data type on the wire: 0 to 255. */
  readonly type: number;
  readonly group: FigureGroup;
  /** In words, for people. */
  readonly name: string;
  /** What people read behind the value; empty for a mere number. */
  readonly unit: string;
  /** How many of the wire's value make one `unit`. */
  readonly scale: number;
  /** The name for Prometheus, without its prefix; in base units. */
  readonly metric: string;
  /** How many of the wire's value make one base unit of `metric`. */
  readonly metricScale: number;
  readonly help: string;
}

type Row = readonly [
  offset: number,
  name: string,
  unit: string,
  scale: number,
  metric: string,
  metricScale: number,
  help: string,
];

const KIB = 1024;
const MIB = 1024 * 1024;

/** What a server of lanwire tells: the same rows for each class, at its own numbers. */
const LINK_ROWS: readonly Row[] = [
  [0, "sessions", "", 1, "sessions", 1, "Sessions at this moment."],
  [1, "joined", "/s", 100, "joins_per_second", 100, "Connections that became sessions, per second."],
  [2, "refused", "/s", 100, "refusals_per_second", 100, "Connections refused, per second."],
  [3, "packets in", "/s", 1, "received_packets_per_second", 1, "Packets received per second."],
  [
    4,
    "packets out",
    "/s",
    1,
    "sent_packets_per_second",
    1,
    "Packets per second that completed writes carried.",
  ],
  [
    5,
    "bytes in",
    "KiB/s",
    10,
    "received_bytes_per_second",
    10 / KIB,
    "Bytes received per second, headers included.",
  ],
  [
    6,
    "bytes out",
    "KiB/s",
    10,
    "sent_bytes_per_second",
    10 / KIB,
    "Bytes per second that the kernel took, headers included.",
  ],
  [7, "queued", "KiB", 10, "queued_bytes", 10 / KIB, "Bytes taken and not yet handed to the kernel."],
  [8, "errors", "", 1, "errors_total", 1, "Errors reported since start."],
];

/** A client refuses nobody: what it has at that place is how often it left. */
const CLIENT_ROWS: readonly Row[] = LINK_ROWS.map((row) =>
  row[0] === 2 ? [2, "left", "/s", 100, "leaves_per_second", 100, "Sessions that left, per second."] : row,
);

const PROCESS_ROWS: readonly Row[] = [
  [
    0,
    "CPU",
    "%",
    100,
    "cpu_cores",
    10_000,
    "Processor time over time, in cores; over 1 with several busy threads.",
  ],
  [1, "memory", "MiB", KIB, "resident_memory_bytes", 1 / KIB, "Resident memory."],
  [2, "heap", "MiB", KIB, "heap_used_bytes", 1 / KIB, "V8 heap in use on the reporting thread."],
  [
    3,
    "loop delay p99",
    "ms",
    1000,
    "event_loop_delay_p99_seconds",
    1_000_000,
    "How late the event loop was, 99th percentile of the last second.",
  ],
  [
    4,
    "loop delay max",
    "ms",
    1000,
    "event_loop_delay_max_seconds",
    1_000_000,
    "How late the event loop was at the worst in the last second.",
  ],
  [5, "uptime", "s", 1, "uptime_seconds", 1, "Since the process started."],
];

const HOST_ROWS: readonly Row[] = [
  [0, "CPU", "%", 1, "cpu_ratio", 100, "Busy share of all cores."],
  [
    1,
    "memory used",
    "MiB",
    1,
    "memory_used_bytes",
    1 / MIB,
    "Memory in use (of the C++ systems: the non-paged pool).",
  ],
  [
    2,
    "network in",
    "KiB/s",
    1,
    "network_received_bytes_per_second",
    1 / KIB,
    "Bytes received per second, loopback left out.",
  ],
  [
    3,
    "network out",
    "KiB/s",
    1,
    "network_sent_bytes_per_second",
    1 / KIB,
    "Bytes sent per second, loopback left out.",
  ],
  [
    4,
    "memory available",
    "MiB",
    1,
    "memory_available_bytes",
    1 / MIB,
    "Memory that programs can still take.",
  ],
];

function count(offset: number, name: string, metric: string, help: string, unit = ""): Row {
  return [offset, name, unit, 1, metric, 1, help];
}

function cpuAndMemory(offset: number): readonly Row[] {
  return [
    [offset, "CPU", "%", 1, "cpu_cores", 100, "Processor time over time, in cores."],
    [offset + 1, "memory", "MiB", 1, "memory_bytes", 1 / MIB, "Memory of the process."],
  ];
}

// The numbers of the C++ systems, with their usual meanings.

const LOGIN_ROWS: readonly Row[] = [
  count(0, "running", "running", "1 while it runs."),
  ...cpuAndMemory(1),
  count(3, "sessions", "sessions", "Sessions at this moment."),
  count(4, "logins", "logins_per_second", "Logins per second.", "/s"),
  count(5, "packet pool", "packet_pool", "Packets in use."),
];

const GAME_ROWS: readonly Row[] = [
  count(0, "running", "running", "1 while it runs."),
  ...cpuAndMemory(1),
  count(3, "sessions", "sessions", "Sessions at this moment."),
  count(4, "players logging in", "auth_players", "Players in authentication."),
  count(5, "players", "players", "Players in the game."),
  count(6, "accepts", "accepts_per_second", "Connections accepted per second.", "/s"),
  count(7, "packets in", "received_packets_per_second", "Packets received per second.", "/s"),
  count(8, "packets out", "sent_packets_per_second", "Packets sent per second.", "/s"),
  count(9, "database writes", "database_writes_per_second", "Writes to the database per second.", "/s"),
  count(10, "database queue", "database_queue", "Writes that wait for the database."),
  count(11, "login frames", "auth_frames_per_second", "Turns of the authentication thread per second.", "/s"),
  count(12, "game frames", "game_frames_per_second", "Turns of the game thread per second.", "/s"),
  count(13, "packet pool", "packet_pool", "Packets in use."),
];

const CHAT_ROWS: readonly Row[] = [
  count(0, "running", "running", "1 while it runs."),
  ...cpuAndMemory(1),
  count(3, "sessions", "sessions", "Sessions at this moment."),
  count(4, "players", "players", "Players logged in."),
  count(5, "updates", "updates_per_second", "Messages handled per second.", "/s"),
  count(6, "packet pool", "packet_pool", "Packets in use."),
  count(7, "message pool", "message_pool", "Messages that wait to be handled."),
];

function rows(group: FigureGroup, prefix: string, first: number, of: readonly Row[]): Figure[] {
  return of.map(([offset, name, unit, scale, metric, metricScale, help]) => ({
    type: first + offset,
    group,
    name,
    unit,
    scale,
    metric: `${prefix}_${metric}`,
    metricScale,
    help,
  }));
}

/** The first data type of each block that lanwire's own reports use; the rows of its table count from there. */
export const BLOCK = {
  host: 40,
  process: 100,
  LanServer: 110,
  NetServer: 120,
  LanClient: 130,
  NetClient: 140,
} as const;

/** All that have a name, by type. */
export const FIGURES: readonly Figure[] = [
  ...rows("login server", "login_server", 1, LOGIN_ROWS),
  ...rows("game server", "game_server", 10, GAME_ROWS),
  ...rows("chat server", "chat_server", 30, CHAT_ROWS),
  ...rows("host", "host", BLOCK.host, HOST_ROWS),
  ...rows("process", "process", BLOCK.process, PROCESS_ROWS),
  ...rows("LanServer", "lan_server", BLOCK.LanServer, LINK_ROWS),
  ...rows("NetServer", "net_server", BLOCK.NetServer, LINK_ROWS),
  ...rows("LanClient", "lan_client", BLOCK.LanClient, CLIENT_ROWS),
  ...rows("NetClient", "net_client", BLOCK.NetClient, CLIENT_ROWS),
];

const BY_TYPE = new Map(FIGURES.map((figure) => [figure.type, figure]));

/** What a data type means; one that has no name is shown by its number. */
export function figureOf(type: number): Figure {
  return (
    BY_TYPE.get(type) ?? {
      type,
      group: "other",
      name: `figure ${type}`,
      unit: "",
      scale: 1,
      metric: `other_${type}`,
      metricScale: 1,
      help: `Data type ${type}, which has no name here.`,
    }
  );
}
