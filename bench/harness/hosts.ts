/**
 * Three hosts on one Linux machine, as network namespaces: a server's, and at the far end of a cable of its own each, the
 * users' and the other server's. As root; `ip` is of iproute2.
 *
 *     users --veth 10.77.1.0/24-- server --veth 10.77.2.0/24-- link
 */
import { execFileSync } from "node:child_process";

const OWN = `lw${process.pid}`;

export interface Hosts {
  /** What to put before a command so that it runs on that host: `ip netns exec NAME`. */
  readonly prefix: Readonly<Record<string, readonly string[]>>;
  readonly usersIp: string;
  readonly serversIp: string;
}

/** Makes them; they go with this process. @throws Error where this is not root on Linux, or `ip` is missing. */
export function makeHosts(): Hosts {
  const name = (role: string): string => `${OWN}-${role}`;
  const roles = ["server", "users", "link"];
  process.on("exit", () => {
    for (const role of roles) run(["netns", "del", name(role)], "ignore");
  });
  for (const role of roles) {
    run(["netns", "add", name(role)]);
    run(["-n", name(role), "link", "set", "lo", "up"]);
  }
  for (const [i, role] of ["users", "link"].entries()) {
    const net = `10.77.${i + 1}`;
    const [near, far] = [`${OWN}n${i}`, `${OWN}f${i}`];
    run([
      "link",
      "add",
      near,
      "netns",
      name("server"),
      "type",
      "veth",
      "peer",
      "name",
      far,
      "netns",
      name(role),
    ]);
    for (const [host, end, ip] of [
      ["server", near, `${net}.1`],
      [role, far, `${net}.2`],
    ] as const) {
      run(["-n", name(host), "addr", "add", `${ip}/24`, "dev", end]);
      run(["-n", name(host), "link", "set", end, "up"]);
    }
  }
  const prefix = Object.fromEntries(roles.map((role) => [role, ["netns", "exec", name(role)]]));
  return { prefix, usersIp: "10.77.1.1", serversIp: "10.77.2.1" };
}

function run(args: readonly string[], stdio: "inherit" | "ignore" = "inherit"): void {
  try {
    execFileSync("ip", args, { stdio });
  } catch (error) {
    if (stdio === "inherit") throw error;
  }
}
