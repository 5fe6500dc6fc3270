/**
 * Keeps a nats-server for one run: on a free port of loopback, ended and waited for when standard input ends.
 * Not pinned: it is the third process on two cores.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { unavailable } from "../harness/check.ts";

const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", "-1"], { stdio: ["ignore", "ignore", "pipe"] });
let ending = false;
server.on("error", () => unavailable("there is no nats-server in PATH"));
server.on("exit", (code) => {
  if (ending) process.exit(0);
  unavailable(`nats-server ended with ${code}`);
});
process.stdin.on("end", () => {
  ending = true;
  server.kill("SIGKILL");
});
process.stdin.resume();

createInterface({ input: server.stderr }).on("line", (line) => {
  const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
  if (port !== undefined) console.log(JSON.stringify({ port: Number(port), pid: server.pid }));
});
