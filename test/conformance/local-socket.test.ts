import { LiveWorld } from "../support/live-world.ts";
import { describeConformance } from "./suite.ts";

describeConformance("a Unix socket or named pipe", () => new LiveWorld("path"));
