/**
 * Says when a test takes too much processor time: its mutant runs on without an end. The time on the wall says
 * nothing, for the machine may be busy with something else.
 */
import { workerData } from "node:worker_threads";

/** Shared with the runner: `[0]` processor time in ms at which the test is too late, `[1]` whether it is. */
const watch = workerData as Float64Array;

setInterval(() => {
  const { user, system } = process.cpuUsage();
  if ((user + system) / 1000 > watch[0]!) watch[1] = 1;
}, 200);
