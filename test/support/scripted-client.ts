/** Clients whose behaviour is a script; see scripted-server.ts. */
import {
  LanClient,
  type LanError,
  type Leave,
  type LinkClient,
  NetClient,
  type NetClientOptions,
  type Packet,
} from "../../src/index.ts";
import { isLanError, leaveData, Player, type Stage } from "./player.ts";
import { errorData } from "./script.ts";

const unable = (what: string) => (): never => {
  throw new Error(`Cannot ${what}: this is a client`);
};

type AnyClient = abstract new () => LinkClient<NetClientOptions>;

export interface ScriptedClient extends LinkClient<NetClientOptions> {
  readonly side: "client";
  readonly player: Player;
  enter(stage: Stage): void;
  // Here they are written, so one may extend it.
  onEnterJoinServer(): undefined;
  onLeaveServer(leave: Leave): undefined;
  onRecv(packet: Packet): undefined | Promise<void>;
  onSend(size: number): undefined;
  onError(error: LanError): undefined;
}

export type ScriptedClientClass = new () => ScriptedClient;

/** A class without the two events around each batch, and one with them. */
export interface ScriptedClients {
  readonly plain: ScriptedClientClass;
  readonly batched: ScriptedClientClass;
}

function scripted(Base: AnyClient): ScriptedClients {
  const plain = scriptedClient(Base);
  return { plain, batched: batchedClient(plain) };
}

function scriptedClient(Base: AnyClient): ScriptedClientClass {
  return class extends Base implements ScriptedClient {
    readonly side = "client";
    #options: NetClientOptions | undefined;

    readonly player: Player = new Player({
      send: (_target, packet) => this.sendPacket(packet),
      disconnect: (_target, options) => {
        void (options === undefined ? this.disconnect() : this.disconnect(options));
      },
      connect: () => {
        if (this.#options === undefined) throw new Error("Cannot connect: it did not before");
        this.connect(this.#options).catch(() => {}); // the fixture's log tells what came of it
      },
      broadcast: unable("broadcast"),
      setHostId: unable("set a host id"),
      count: unable("count sessions"),
      stop: unable("stop"),
    });

    enter(stage: Stage): void {
      this.player.enter(stage);
    }

    override connect(options: NetClientOptions): Promise<void> {
      this.#options = options;
      return super.connect(options);
    }

    onEnterJoinServer(): undefined {
      return this.player.play("join") as undefined;
    }

    onLeaveServer(leave: Leave): undefined {
      return this.player.play("leave", { leave: leaveData(leave) }) as undefined;
    }

    onRecv(packet: Packet): undefined | Promise<void> {
      return this.player.play("recv", { bytes: packet.toBytes() }, packet) as undefined;
    }

    onSend(size: number): undefined {
      return this.player.play("send", { size }) as undefined;
    }

    onError(error: LanError): undefined {
      return this.player.play("error", { error: errorData(error, isLanError) }) as undefined;
    }

    override onSendReady(): undefined {
      return this.player.play("sendReady") as undefined;
    }
  };
}

function batchedClient(Base: ScriptedClientClass): ScriptedClientClass {
  return class extends Base {
    override onWorkerThreadBegin(): undefined {
      return this.player.play("begin") as undefined;
    }

    override onWorkerThreadEnd(): undefined {
      return this.player.play("end") as undefined;
    }
  };
}

export const LAN_CLIENTS: ScriptedClients = scripted(LanClient);
export const NET_CLIENTS: ScriptedClients = scripted(NetClient);
