/**
 * The options that `listen`, `connect` and `bench` have in common: where the peer is, and what the frames look like.
 * Both ends must agree on these; nothing negotiates them.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { NetClientOptions, NetOptions, NetServerOptions } from "../net/options.ts";
import type { TlsClientOptions, TlsServerOptions } from "../net/tls-options.ts";
import type { Arguments, OptionTable } from "./arguments.ts";
import { RunError, UsageError } from "./exit.ts";
import { readFraming } from "./framing-text.ts";

export const FRAME_OPTIONS: OptionTable = {
  framing: {
    value: "F",
    help: "length header: u8, u16le, u16be, u24le, u24be, u32le (default), u32be; a preset such as erlangPacket2; or BYTES,le|be[,includes-header]",
  },
  heartbeat: { value: "on|off", help: "empty frames as signs of life (default: on with u32le, else off)" },
  "packet-bytes-max": { value: "N", help: "longest packet (default: 1 MiB, or what the header can tell)" },
  net: { help: "Net frames, as NetServer and NetClient speak them" },
  code: { value: "N", help: "with --net: first byte of each frame (default 0x77)" },
  key: { value: "N", help: "with --net: what frames are encoded with (default 0x32)" },
};

export const TLS_OPTIONS: OptionTable = {
  tls: { help: "with --net: TLS" },
  "tls-cert": { value: "FILE", help: "own certificate, PEM; listen needs it" },
  "tls-key": { value: "FILE", help: "its private key, PEM" },
  "tls-ca": { value: "FILE", help: "who signs the other side; with listen, clients need a certificate too" },
  "tls-name": { value: "NAME", help: "connect: the name in the server's certificate" },
  "tls-insecure": { help: "connect: take any certificate; for tests alone" },
};

export const CLIENT_OPTIONS: OptionTable = {
  path: { value: "P", help: "a Unix socket or named pipe in place of HOST:PORT" },
  "connect-timeout-ms": { value: "N", help: "how long one attempt may take (default 5000)" },
  "retry-ms": {
    value: "N",
    help: "tries for that long while the server cannot be reached (default 0: once)",
  },
};

const TIMER_MS_MAX = 2 ** 31 - 1;

/** @throws UsageError, RunError */
export function serverOptions(args: Arguments): NetServerOptions {
  const path = args.text("path");
  const [ip, port] = [args.text("ip"), args.whole("port", 0, 65_535)];
  if (path !== undefined && (ip !== undefined || port !== undefined))
    throw new UsageError("--path takes the place of --ip and --port");
  if (ip !== undefined && isIP(ip) === 0) throw new UsageError(`--ip must be an address, is "${ip}"`);
  const tls = serverTls(args);
  return {
    ...frameOptions(args),
    ...(path === undefined ? { ip: ip ?? "127.0.0.1", port: port ?? 7000 } : { path }),
    ...(tls === undefined ? {} : { tls }),
    ...(args.has("net") ? { firstPacketTimeoutMs: 0, maxSessions: 1024 } : {}),
  };
}

/** @throws UsageError, RunError */
export function clientOptions(args: Arguments): NetClientOptions {
  const connectTimeoutMs = args.whole("connect-timeout-ms", 1, TIMER_MS_MAX);
  const retryMs = args.whole("retry-ms", 0, TIMER_MS_MAX) ?? 0;
  const tls = clientTls(args);
  return {
    ...frameOptions(args),
    ...targetOf(args),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(tls === undefined ? {} : { tls }),
    ...(retryMs === 0
      ? {}
      : { reconnect: { minDelayMs: 50, maxDelayMs: 500 }, signal: AbortSignal.timeout(retryMs) }),
  };
}

/** For people: `127.0.0.1:7000`, or the path. */
export function addressText({ ip, port, path }: { ip?: string; port?: number; path?: string }): string {
  if (path !== undefined) return path;
  return ip?.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function targetOf(args: Arguments): Pick<NetClientOptions, "serverIp" | "port" | "path"> {
  const [target] = args.positionals;
  const path = args.text("path");
  if (target === undefined && path === undefined)
    throw new UsageError("where to? HOST:PORT or --path P is needed");
  if (path !== undefined) {
    if (target !== undefined) throw new UsageError("--path takes the place of HOST:PORT");
    return { path };
  }
  const match = /^(?:\[([\da-f:.%\w]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(target!);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535)
    throw new UsageError(`"${target}" is no HOST:PORT such as 127.0.0.1:7000 or [::1]:7000`);
  return { serverIp: match[1] ?? (match[2] || "127.0.0.1"), port };
}

function frameOptions(args: Arguments): NetOptions {
  const isNet = args.has("net");
  for (const name of ["code", "key"]) {
    if (args.has(name) && !isNet) throw new UsageError(`--${name} has no meaning without --net`);
    if (args.has(name) && args.has("framing"))
      throw new UsageError(
        `--${name} has no meaning with --framing: a length alone has neither code nor key`,
      );
  }
  const framing = args.text("framing");
  const heartbeat = args.choice("heartbeat", ["on", "off"]);
  const packetBytesMax = args.whole("packet-bytes-max", 1, 0xffff_ffff);
  const [code, key] = [args.whole("code", 0, 0xff), args.whole("key", 0, 0xff)];
  return {
    ...(framing === undefined ? {} : { framing: readFraming(framing) }),
    ...(heartbeat === undefined ? {} : { heartbeat: heartbeat === "on" ? {} : false }),
    ...(packetBytesMax === undefined ? {} : { packetBytesMax }),
    ...(code === undefined ? {} : { code }),
    ...(key === undefined ? {} : { key }),
  };
}

function serverTls(args: Arguments): TlsServerOptions | undefined {
  if (!wantsTls(args)) return undefined;
  const [cert, key, ca] = [fileOf(args, "tls-cert"), fileOf(args, "tls-key"), fileOf(args, "tls-ca")];
  if (cert === undefined || key === undefined)
    throw new UsageError("--tls needs --tls-cert and --tls-key here");
  return { cert, key, ...(ca === undefined ? {} : { ca, requestCert: true }) };
}

function clientTls(args: Arguments): TlsClientOptions | undefined {
  if (!wantsTls(args)) return undefined;
  const [cert, key, ca] = [fileOf(args, "tls-cert"), fileOf(args, "tls-key"), fileOf(args, "tls-ca")];
  const servername = args.text("tls-name");
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
    ...(args.has("tls-insecure") ? { rejectUnauthorized: false } : {}),
  };
}

function wantsTls(args: Arguments): boolean {
  const given = Object.keys(TLS_OPTIONS).find((name) => args.has(name));
  if (given === undefined) return false;
  if (!args.has("net")) throw new UsageError(`--${given} has no meaning without --net`);
  if (!args.has("tls")) throw new UsageError(`--${given} has no meaning without --tls`);
  return true;
}

/** @throws RunError where the file cannot be read */
function fileOf(args: Arguments, name: string): Buffer | undefined {
  const file = args.text(name);
  return file === undefined ? undefined : readFile(name, file);
}

/** What `--token-file` names, without the line feed at its end. @throws RunError where it cannot be read */
export function readTokenFile(args: Arguments): string | undefined {
  return fileOf(args, "token-file")?.toString("utf8").trim();
}

/** @throws RunError */
function readFile(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new RunError(`--${name}: ${(error as Error).message}`);
  }
}
