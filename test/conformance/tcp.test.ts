import { LiveWorld } from "../support/live-world.ts";
import { describeConformance } from "./suite.ts";

describeConformance("TCP", () => new LiveWorld("tcp"));
