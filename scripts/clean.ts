// Removes the build output, so that a build never ships a file whose source is gone.
import { rmSync } from "node:fs";

for (const folder of process.argv.slice(2))
  rmSync(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true });
