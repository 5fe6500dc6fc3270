/**
 * Servers whose behaviour is a script: written once, over LanServer and over NetServer. Made without arguments, so
 * that a thread can make its own (thread-fixtures.ts).
 */
import {
  type ClientInfo,
  type LanError,
  LanServer,
  type Leave,
  type LinkServer,
  NetServer,
  type NetServerOptions,
  type Packet,
  type SessionId,
} from "../../src/index.ts";
import { isLanError, leaveData, Player, type Stage } from "./player.ts";
import { errorData } from "./script.ts";

/** Both classes: the options of one are among those of the other. */
type AnyServer = abstract new () => LinkServer<NetServerOptions>;

export interface ScriptedServer extends LinkServer<NetServerOptions> {
  readonly side: "server";
  readonly player: Player;
  enter(stage: Stage): void;
  // Here they are written, so one may extend it.
  onConnectionRequest(ip: string, port: number): boolean;
  onClientJoin(sessionId: SessionId, client: ClientInfo): undefined;
  onClientLeave(sessionId: SessionId, leave: Leave): undefined;
  onRecv(sessionId: SessionId, packet: Packet): undefined | Promise<void>;
  onError(error: LanError): undefined;
}

export type ScriptedServerClass = new () => ScriptedServer;

/** A class without the two events around each batch, and one with them. */
export interface ScriptedServers {
  readonly plain: ScriptedServerClass;
  readonly batched: ScriptedServerClass;
}

function scripted(Base: AnyServer): ScriptedServers {
  const plain = scriptedServer(Base);
  return { plain, batched: batchedServer(plain) };
}

function scriptedServer(Base: AnyServer): ScriptedServerClass {
  return class extends Base implements ScriptedServer {
    readonly side = "server";

    readonly player: Player = new Player({
      send: (target, packet) => this.sendPacket(target as SessionId, packet),
      broadcast: (packet, targets) =>
        targets === undefined ? this.broadcast(packet) : this.broadcast(packet, targets as SessionId[]),
      disconnect: (target, options) =>
        options === undefined
          ? this.disconnect(target as SessionId)
          : this.disconnect(target as SessionId, options),
      setHostId: (sessionId, hostId, options) =>
        options === undefined
          ? this.setHostId(sessionId as SessionId, hostId)
          : this.setHostId(sessionId as SessionId, hostId, options),
      count: () => this.getSessionCount(),
      stop: (drainMs) => void this.stop({ drainMs }),
      connect: () => {
        throw new Error("Cannot connect: this is a server");
      },
    });

    enter(stage: Stage): void {
      this.player.enter(stage);
    }

    onConnectionRequest(ip: string, port: number): boolean {
      return this.player.play("request", { request: { ip, port } }) as boolean;
    }

    onClientJoin(sessionId: SessionId, client: ClientInfo): undefined {
      return this.player.play("join", { sessionId, client }) as undefined;
    }

    onClientLeave(sessionId: SessionId, leave: Leave): undefined {
      return this.player.play("leave", { sessionId, leave: leaveData(leave) }) as undefined;
    }

    onRecv(sessionId: SessionId, packet: Packet): undefined | Promise<void> {
      return this.player.play("recv", { sessionId, bytes: packet.toBytes() }, packet) as undefined;
    }

    onError(error: LanError): undefined {
      const { sessionId } = error;
      const who = sessionId === undefined ? {} : { sessionId };
      return this.player.play("error", { ...who, error: errorData(error, isLanError) }) as undefined;
    }

    override onSend(sessionId: SessionId, size: number): undefined {
      return this.player.play("send", { sessionId, size }) as undefined;
    }

    override onSendReady(sessionId: SessionId): undefined {
      return this.player.play("sendReady", { sessionId }) as undefined;
    }
  };
}

function batchedServer(Base: ScriptedServerClass): ScriptedServerClass {
  return class extends Base {
    override onWorkerThreadBegin(): undefined {
      return this.player.play("begin") as undefined;
    }

    override onWorkerThreadEnd(): undefined {
      return this.player.play("end") as undefined;
    }
  };
}

export const LAN_SERVERS: ScriptedServers = scripted(LanServer);
export const NET_SERVERS: ScriptedServers = scripted(NetServer);
