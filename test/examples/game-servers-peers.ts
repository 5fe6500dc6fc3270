/** Peers of one server of the trio, played by a test: each sends what it is told to, and keeps what it receives. */
import type { TestContext } from "node:test";
import {
  type Fields,
  type Kind,
  LINK,
  type Malformed,
  type Message,
  read,
  STATUS,
  serverName,
  WORLDS,
  type World,
  write,
} from "../../examples/game-servers/protocol.ts";
import { LanClient, LanServer, type Leave, NetClient, type Packet, type SessionId } from "../../src/index.ts";

/** What came, in order. */
export class Inbox {
  readonly #messages: (Message | Malformed)[] = [];
  #wake: () => void = () => {};

  push(message: Message | Malformed): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** The next message, which must be of that kind. */
  async next<K extends Kind>(kind: K): Promise<Message<K>> {
    while (this.#messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const message = this.#messages.shift()!;
    if (message.kind !== kind) throw new Error(`${JSON.stringify(message)} came instead of ${kind}`);
    return message as Message<K>;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }
}

/** A game or chat server in front of the login server. */
export class WorldPeer extends LanClient {
  readonly inbox: Inbox = new Inbox();
  readonly left: PromiseWithResolvers<Leave> = Promise.withResolvers();

  static async join(t: TestContext, linkPort: number, world: World, port: number): Promise<WorldPeer> {
    const peer = new WorldPeer();
    t.after(() => peer.disconnect({ now: true }));
    await peer.connect({ port: linkPort, ...LINK });
    const name = serverName({ ip: "127.0.0.1", port });
    peer.sendPacket(write("serverLogin", { serverType: WORLDS[world], name }));
    return peer;
  }

  /** 10003, with what was asked or with something else. */
  answer({ account, param }: { account: bigint; param: bigint }): void {
    this.sendPacket(write("newClientAnswer", { account, param }));
  }

  override onEnterJoinServer(): void {}
  override onRecv(packet: Packet): void {
    this.inbox.push(read(packet));
  }
  override onLeaveServer(leave: Leave): void {
    this.left.resolve(leave);
  }
  override onSend(): void {}
  override onError(): void {}
}

export class UserPeer extends NetClient {
  readonly inbox: Inbox = new Inbox();
  readonly left: PromiseWithResolvers<Leave> = Promise.withResolvers();

  static async connect(t: TestContext, port: number): Promise<UserPeer> {
    const peer = new UserPeer();
    t.after(() => peer.disconnect({ now: true }));
    await peer.connect({ port });
    return peer;
  }

  /** Connected, and inside by a good key. */
  static async enter(t: TestContext, port: number, account: bigint, key: string): Promise<UserPeer> {
    const peer = await UserPeer.connect(t, port);
    peer.send("enter", { account, key });
    const { status } = await peer.inbox.next("enterAnswer");
    if (status !== STATUS.ok) throw new Error(`entering was answered with ${status}`);
    return peer;
  }

  send<K extends Kind>(kind: K, fields: Fields<K>): void {
    if (!this.sendPacket(write(kind, fields))) throw new Error(`${kind} was not taken`);
  }

  override onEnterJoinServer(): void {}
  override onRecv(packet: Packet): void {
    this.inbox.push(read(packet));
  }
  override onLeaveServer(leave: Leave): void {
    this.left.resolve(leave);
  }
  override onSend(): void {}
  override onError(): void {}
}

/** A login server in front of a game or chat server. */
export class LoginPeer extends LanServer {
  readonly inbox: Inbox = new Inbox();
  #params = 0n;

  static async start(t: TestContext): Promise<{ login: LoginPeer; port: number }> {
    const login = new LoginPeer();
    const { port } = await login.start({ port: 0, ...LINK });
    t.after(() => login.stop({ drainMs: 0 }));
    return { login, port };
  }

  /** 10002 to the server that logged in, and its 10003. */
  async announce(account: bigint, key: string): Promise<void> {
    this.broadcast(write("newClient", { account, key, param: ++this.#params }));
    const { param } = await this.inbox.next("newClientAnswer");
    if (param !== this.#params) throw new Error(`param ${param} came back instead of ${this.#params}`);
  }

  /** Breaks the link. */
  async cut(): Promise<void> {
    this.disconnect("the server", { now: true });
  }

  override onConnectionRequest(): boolean {
    return true;
  }
  override onClientJoin(server: SessionId): void {
    this.setHostId(server, "the server", { replace: true });
  }
  override onRecv(_server: SessionId, packet: Packet): void {
    this.inbox.push(read(packet));
  }
  override onClientLeave(): void {}
  override onError(): void {}
}

/** Waits until something is so that nothing tells of. The test's own time limit ends it. */
export async function until(t: TestContext, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    t.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
