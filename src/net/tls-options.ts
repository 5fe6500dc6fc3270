/** The option `tls` of NetServer and NetClient: the names of node:tls, checked before anything listens or dials. */
import { createSecureContext } from "node:tls";
import { flag, invalidOption, readable, readOptions, text } from "../base/options.ts";
import type {
  Network,
  TlsClientSettings,
  TlsServerSettings,
  TlsText,
  TlsVersion,
} from "../transport/connection.ts";

/** What both sides may say; the names and forms are those of node:tls. */
interface TlsOptions {
  /** The certificate, PEM, with the chain behind it. */
  cert?: TlsText;
  /** Its private key, PEM. */
  key?: TlsText;
  /** Of an encrypted key. */
  passphrase?: string;
  /** Who may sign the other side's certificate. Default: the authorities that Node knows. */
  ca?: TlsText | readonly TlsText[];
  ciphers?: string;
  /** Default "TLSv1.2". */
  minVersion?: TlsVersion;
  maxVersion?: TlsVersion;
  /** Whether a side whose certificate is not signed by `ca`, or is out of date, is refused. Default true. */
  rejectUnauthorized?: boolean;
}

/** `tls` of `NetServer.start`: `cert` and `key` are needed. */
export interface TlsServerOptions extends TlsOptions {
  /** Whether clients are asked for a certificate of their own (mTLS). Default false. */
  requestCert?: boolean;
}

/** `tls` of `NetClient.connect`; `{}` is enough where a known authority signed. */
export interface TlsClientOptions extends TlsOptions {
  /** The server's name, where it is not its address: told to it, and looked for in its certificate. */
  servername?: string;
}

const NAMES = [
  "cert",
  "key",
  "passphrase",
  "ca",
  "ciphers",
  "minVersion",
  "maxVersion",
  "rejectUnauthorized",
];

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function tlsServerSettings(
  given: TlsServerOptions | undefined,
  handshakeTimeoutMs: number,
  network: Network,
): TlsServerSettings | null {
  if (given === undefined) return null;
  const options = readOptions(given, [...NAMES, "requestCert"], "use option tls");
  if (options.cert === undefined) throw invalidOption("tls.cert", "is needed");
  if (options.key === undefined) throw invalidOption("tls.key", "is needed");
  if (options.requestCert !== undefined) flag("tls.requestCert", options.requestCert);
  check(options, network);
  return { ...options, handshakeTimeoutMs };
}

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function tlsClientSettings(
  given: TlsClientOptions | undefined,
  network: Network,
): TlsClientSettings | null {
  if (given === undefined) return null;
  const options = readOptions(given, [...NAMES, "servername"], "use option tls");
  if (options.servername !== undefined) text("tls.servername", options.servername);
  check(options, network);
  return { ...options };
}

function check(options: TlsOptions, network: Network): void {
  if (network.tlsDoor === undefined) throw invalidOption("tls", "this network has no TLS");
  if (options.rejectUnauthorized !== undefined) flag("tls.rejectUnauthorized", options.rejectUnauthorized);
  try {
    createSecureContext(options as Parameters<typeof createSecureContext>[0]);
  } catch (error) {
    throw invalidOption(
      "tls",
      readable("tls", () => (error as Error).message),
    );
  }
}
