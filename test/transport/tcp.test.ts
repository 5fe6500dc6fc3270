import type { Network } from "../../src/transport/connection.ts";
import { listenWith, tcpNetwork } from "../../src/transport/tcp.ts";
import { freshPath } from "../support/live-world.ts";
import { HIDES_UNAWAITED_RESETS, SHARES_PIPE_NAMES } from "../support/platform.ts";
import { describeTransport, type TransportUnderTest } from "./contract.ts";

function overTcp(network: Network): () => TransportUnderTest {
  return () => ({
    network,
    hugeBytes: 32 * 2 ** 20,
    hidesUnawaitedResets: HIDES_UNAWAITED_RESETS,
    address: { ip: "127.0.0.1", port: 0 },
    path: freshPath(),
    sharesPaths: SHARES_PIPE_NAMES,
  });
}

describeTransport("tcp", overTcp(tcpNetwork));

describeTransport(
  "tcp without static reads of accepted sockets",
  overTcp({
    ...tcpNetwork,
    listen: (options, acceptor) => listenWith(options, acceptor, () => false),
  }),
);
