/**
 * A network whose links keep no process alive: what runs beside a program must not hold it up once everything else is
 * over.
 *
 *     timers: as housekeeping (`keepAlive` false)      sockets: `keepsAlive` false
 *
 * An attempt to connect that is under way still does, for as long as `connectTimeoutMs` allows: the event loop waits for
 * what it asked of the system.
 */
import type { Clock } from "../base/clock.ts";
import type { Network } from "../transport/connection.ts";

export function backgroundNetwork(network: Network): Network {
  const { clock } = network;
  const background: Clock = {
    nowMs: () => clock.nowMs(),
    epochMs: () => clock.epochMs(),
    after: (delayMs, task) => clock.after(delayMs, task, false),
    afterPendingReads: (task) => clock.afterPendingReads(task),
  };
  return {
    clock: background,
    random: () => network.random?.() ?? Math.random(),
    listen: (options, acceptor) => network.listen(options, acceptor),
    dial: (options, signal) => network.dial({ ...options, keepsAlive: false }, signal),
  };
}
