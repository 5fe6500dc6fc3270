/** A full collection on this thread, without a flag on the command line: garbage that lies about is no leak. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

export const collect: () => void = runInNewContext("gc") as () => void;
