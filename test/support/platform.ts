/**
 * What this platform can and cannot do, where a test has to know. What it cannot do is a sentence to skip with, or
 * false.
 */

const IS_WINDOWS = process.platform === "win32";
/** Wine tells every program where the home directory outside is; Windows knows no such variable. */
const IS_WINE = IS_WINDOWS && process.env.WINEHOMEDIR !== undefined;
const NODE_MAJOR = Number(process.versions.node.split(".")[0]);

/**
 * How much longer things may take here. Under wine each file and each wait goes through another process: a thread that
 * loads the library takes ten times as long. Windows tells no load average either, to see how busy the machine is.
 */
export const PATIENCE: number = IS_WINE ? 10 : 1;

/**
 * `drainMs` of a stop that is to be over at once. A thread that does not answer soon after that time is terminated, and
 * can no longer tell of its leaves.
 */
export const AT_ONCE_MS: number = 100 * (PATIENCE - 1);

/**
 * Whether a reset may be told as an end where no read waits for it. Wine's server takes the socket's error for itself
 * then, and the next read gives 0 bytes.
 */
export const HIDES_UNAWAITED_RESETS: string | false =
  IS_WINE && "wine shows a reset as an end where no read waits for it";

/**
 * Whether a reset may be told as an end where bytes lay before it that nobody had read. Up to Node 22 the event loop
 * takes a hang-up behind a short read for an end.
 */
export const HIDES_RESETS: string | false =
  HIDES_UNAWAITED_RESETS ||
  (NODE_MAJOR < 24 && "up to Node 22 a reset shows as an end behind bytes that nobody had read");

/** How many keepalive probes go unanswered before a connection is given up. Up to Node 22 it cannot be told. */
export const KEEPALIVE_PROBES: number = NODE_MAJOR < 24 ? 10 : 3;

/** Whether two listeners may have one named pipe. */
export const SHARES_PIPE_NAMES: string | false =
  IS_WINE && "wine lets two listeners have one named pipe (it ignores FILE_FLAG_FIRST_PIPE_INSTANCE)";

/** Whether a process cannot be frozen from outside. */
export const CANNOT_FREEZE: string | false = IS_WINDOWS && "Windows has no signal that freezes a process";

/** Whether what something costs cannot be measured. */
export const HIDES_COSTS: string | false = IS_WINE && "what wine itself costs hides what is measured";

/** Whether the tools in node_modules are another system's. */
export const FOREIGN_TOOLS: string | false =
  IS_WINE && "the compiler and the bundler that are installed here are not Windows' own";
