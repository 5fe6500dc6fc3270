// Lets what the package offers as a command be run as it stands: the compiler keeps the first line, not the file's mode.
import { chmodSync } from "node:fs";

for (const file of process.argv.slice(2)) chmodSync(new URL(`../${file}`, import.meta.url), 0o755);
