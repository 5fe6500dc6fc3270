/** Errors that look as the system's do in Node: `code`, `errno`, `syscall`, and the address where there is one. */
import { getSystemErrorMap } from "node:util";
import type { Address } from "../connection.ts";

/** What a failed system call rejects with: "connect ECONNREFUSED 10.0.0.1:7000". */
export function systemError(syscall: string, code: string, address?: Address): NodeJS.ErrnoException {
  const [errno, description] = known(code);
  const where =
    address === undefined ? "" : ` ${"path" in address ? address.path : `${address.ip}:${address.port}`}`;
  const why = syscall === "listen" ? `: ${description}` : "";
  return Object.assign(new Error(`${syscall} ${code}${why}${where}`), {
    errno,
    code,
    syscall,
    ...fields(address),
  });
}

function fields(address: Address | undefined): { address?: string; port?: number } {
  if (address === undefined) return {};
  return "path" in address ? { address: address.path } : { address: address.ip, port: address.port };
}

function known(code: string): readonly [errno: number, description: string] {
  for (const [errno, [name, description]] of getSystemErrorMap())
    if (name === code) return [errno, description];
  return [-1, "unknown error"];
}
