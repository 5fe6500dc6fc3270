/**
 * The handle and two threads that send to one thread's sessions, in random order: sends, posts, arrivals, writes,
 * ends of the owner's turn, disconnects, leaves, the death of a sender, and ids that no session has. Whatever comes: nobody
 * takes more than the limit; nobody is refused for more than is taken and what the owner took ahead in this turn; per sender
 * and session the order is kept; and what was taken has arrived or is told as lost, exactly.
 */
import assert from "node:assert/strict";
import type { MessagePort } from "node:worker_threads";
import { lengthHeader } from "../../../src/framing/length-header.ts";
import { Packet } from "../../../src/packet/packet.ts";
import { SESSION_SLOTS_MAX, type SessionId, slotOf } from "../../../src/session/session-id.ts";
import type { SessionSettings } from "../../../src/session/settings.ts";
import type { Random } from "../../../src/testing.ts";
import { giveBackUnposted } from "../../../src/threads/inheritance.ts";
import { Mail } from "../../../src/threads/mail.ts";
import { readBatch } from "../../../src/threads/mail-batch.ts";
import type { MailMessage } from "../../../src/threads/messages.ts";
import { BYTES_MAX, Reservations } from "../../../src/threads/reservations.ts";
import { SharedCrossing } from "../../../src/threads/shared-crossing.ts";
import { allocateShared } from "../../../src/threads/shared-memory.ts";
import { type SharedView, viewShared } from "../../../src/threads/shared-view.ts";
import type { FuzzTarget, Note } from "./target.ts";

/** The thread that the sessions live on; the others send to it. */
const OWNER = 1;
const SENDERS = [0, 2, 3] as const;
const HEADER_BYTES = 2;
const SETTINGS: SessionSettings = {
  header: lengthHeader("u16le"),
  packetBytesMax: 2000,
  sendQueueBytesMax: 3000,
  receiveQueueBytesMax: 3000,
  heartbeat: false,
  partialFrameTimeoutMs: 1000,
  sendStallMs: 1000,
  disconnectDrainMs: 1000,
  firstPacketTimeoutMs: 0,
  idleTimeoutMs: 0,
  pace: null,
};

export const mail: FuzzTarget = {
  name: "mail",
  module: import.meta.url,
  share: 5,
  begin() {
    const stage = new Stage();
    return (random, note) => oneSchedule(random, stage, note);
  },
};

/** What the model knows of one session. */
class Room {
  readonly id: SessionId;
  /** Takes packets; otherwise it drains, or is gone. */
  isOpen = true;
  isThere = true;
  /** Bytes in its queue, packet by packet. */
  readonly queue: number[] = [];
  /** By sender: lengths of what was taken and has not arrived. */
  readonly underWay: number[][] = [[], [], [], []];
  readonly taken: number[] = [0, 0, 0, 0];
  readonly arrived: number[] = [0, 0, 0, 0];

  constructor(id: SessionId) {
    this.id = id;
  }

  get bytes(): number {
    return sum(this.queue) + sum(this.underWay.flat());
  }
}

/** A port whose messages wait until somebody lets one through. */
class Port {
  readonly waiting: MailMessage[] = [];
  #receive: (message: MailMessage) => void = () => {};
  other: Port | undefined;

  postMessage(message: MailMessage): void {
    // What is transferred is gone from here.
    const crossed = message.kind === "packets" ? { ...message, bytes: message.bytes.transfer() } : message;
    this.other!.waiting.push(crossed);
  }

  on(event: string, listener: (message: MailMessage) => void): void {
    if (event === "message") this.#receive = listener;
  }

  deliver(): boolean {
    const message = this.waiting.shift();
    if (message !== undefined) this.#receive(message);
    return message !== undefined;
  }

  close(): void {}
  unref(): void {}
}

/** The shared memory and the mails of a block; sessions come and go on it. */
class Stage {
  readonly views: readonly SharedView[];
  readonly reservations: Reservations;
  readonly crossing: SharedCrossing;
  readonly mails: Mail[] = [];
  /** By sender: at the owner's end and at the sender's. */
  readonly ports: { readonly inbound: Port; readonly outbound: Port }[] = [];
  readonly rooms: Room[] = [];
  /** By sender: ids of sessions that have room again. */
  readonly toldRoom: SessionId[][] = [[], [], [], []];
  #incarnations = 0;

  constructor() {
    const buffers = allocateShared(4, 3);
    this.views = [0, 1, 2, 3].map((thread) => viewShared(buffers, thread));
    const { memory, registry } = this.views[OWNER]!;
    this.reservations = new Reservations(memory);
    const tell = (thread: number, id: SessionId): void =>
      this.mails[OWNER]!.tell(thread, { kind: "room", id });
    this.crossing = new SharedCrossing(memory, registry, tell, 1);
    registry.setIncarnation(OWNER, ++this.#incarnations);
    this.mails[OWNER] = new Mail(
      OWNER,
      memory,
      registry,
      SETTINGS,
      (from, message) => this.#onMail(from, message),
      () => {},
    );
    for (const sender of SENDERS) this.begin(sender);
  }

  /** A sender comes, or comes again. */
  begin(sender: number): void {
    const { memory, registry } = this.views[sender]!;
    const onRoom = (id: SessionId): void => void this.toldRoom[sender]!.push(id);
    this.mails[sender] = new Mail(sender, memory, registry, SETTINGS, () => {}, onRoom);
    const [inbound, outbound] = [new Port(), new Port()];
    inbound.other = outbound;
    outbound.other = inbound;
    this.ports[sender] = { inbound, outbound };
    const incarnation = sender === 0 ? 0 : ++this.#incarnations;
    registry.setIncarnation(sender, incarnation);
    this.mails[OWNER]!.connect(sender, incarnation, inbound as unknown as MessagePort);
    this.mails[sender]!.connect(OWNER, registry.incarnation(OWNER), outbound as unknown as MessagePort);
  }

  roomOf(id: SessionId): Room | undefined {
    return this.rooms.find((room) => room.id === id && room.isThere);
  }

  /** What `ServerThread` does with its mail. */
  #onMail(from: number, message: MailMessage): void {
    if (message.kind === "disconnect") {
      const room = this.roomOf(message.id);
      if (room === undefined) return;
      assert.deepEqual(room.underWay[from], [], "a disconnect goes behind its sender's packets");
      this.drain(room);
    }
    if (message.kind !== "packets") return;
    readBatch(message, (id, packet) => {
      const room = this.roomOf(id);
      if (room === undefined) return; // it was counted as lost with its session
      const number = packet.readUint32();
      assert.equal(packet.readUint8(), from, "who sent it");
      assert.equal(number, room.arrived[from], `order from ${from}`);
      for (let at = 5; at < packet.length; at++)
        assert.equal(packet.readUint8(), (number + at) & 0xff, "content");
      room.arrived[from]! += 1;
      const frameBytes = room.underWay[from]!.shift();
      assert.equal(frameBytes, HEADER_BYTES + packet.length, "what is under way");
      room.queue.push(frameBytes!);
      this.crossing.arrived(id, 1);
    });
  }

  drain(room: Room): void {
    room.isOpen = false;
    this.crossing.close(room.id);
  }
}

function oneSchedule(random: Random, stage: Stage, note: Note | undefined): void {
  const { registry } = stage.views[OWNER]!;
  const join = (): void => {
    const id = registry.reserve(OWNER);
    if (id === undefined) return;
    stage.crossing.open(id);
    stage.rooms.push(new Room(id));
    note?.(`${id} joins`);
  };
  join();
  for (let steps = random.integer(5, 40); steps > 0; steps--) {
    const room = stage.rooms.length === 0 ? undefined : random.pick(stage.rooms);
    const sender = random.pick(SENDERS);
    const act = random.integer(0, 19);
    if (room === undefined || act === 0) join();
    else if (act < 8) send(random, stage, sender, room, note);
    else if (act < 10) sendOwn(random, stage, room, note);
    else if (act === 10 && random.chance(0.5)) endTurn(stage, note);
    else if (act < 12) {
      note?.(`${sender} posts`);
      stage.mails[sender]!.flush();
    } else if (act < 15) {
      const { inbound, outbound } = stage.ports[sender]!;
      note?.(`mail of ${sender} arrives`);
      (random.chance(0.7) ? inbound : outbound).deliver();
    } else if (act < 17) written(random, stage, room, note);
    else if (act === 17) disconnect(stage, sender, room, note);
    else if (act === 18) leave(stage, room, note);
    else if (random.chance(0.3) && sender !== 0) die(stage, sender, note);
    else strangers(random, stage, sender);
    for (const each of stage.rooms) checkCount(stage, each);
  }
  for (const room of stage.rooms) if (room.isThere) leave(stage, room, note);
  for (const sender of SENDERS) {
    stage.mails[sender]!.flush();
    const { inbound, outbound } = stage.ports[sender]!;
    while (inbound.deliver() || outbound.deliver()) {} // what comes too late reaches nobody
  }
  assert.equal(registry.count, 0, "places taken");
  stage.rooms.length = 0;
}

function send(random: Random, stage: Stage, sender: number, room: Room, note: Note | undefined): void {
  const length = random.integer(5, random.chance(0.8) ? 60 : SETTINGS.packetBytesMax);
  const number = room.taken[sender]!;
  const packet = new Packet().writeUint32(number).writeUint8(sender);
  for (let at = 5; at < length; at++) packet.writeUint8((number + at) & 0xff);
  const frameBytes = HEADER_BYTES + length;
  const ahead = room.isThere ? stage.reservations.unspent(room.id) : 0;
  const fits = room.bytes + ahead + frameBytes <= SETTINGS.sendQueueBytesMax;
  const taken = stage.mails[sender]!.send(room.id, packet);
  note?.(`${sender} sends ${length} bytes to ${room.id}: ${taken}`);
  packet.clear(); // taken is taken: the packet is ours again
  assert.equal(taken, room.isThere && room.isOpen && fits, "whether it was taken");
  if (!taken) return;
  room.taken[sender]! += 1;
  room.underWay[sender]!.push(frameBytes);
}

function sendOwn(random: Random, stage: Stage, room: Room, note: Note | undefined): void {
  if (!room.isOpen || !room.isThere) return;
  const frameBytes = HEADER_BYTES + random.integer(1, random.chance(0.7) ? 60 : 1500);
  const fits = room.bytes + frameBytes <= SETTINGS.sendQueueBytesMax;
  const taken = stage.crossing.take(room.id, frameBytes, SETTINGS.sendQueueBytesMax);
  note?.(`its own thread sends ${frameBytes} bytes to ${room.id}: ${taken}`);
  assert.equal(taken, fits, "whether the owner's was taken");
  if (taken) room.queue.push(frameBytes);
}

/** The owner's turn ends: it holds nothing that it does not use. */
function endTurn(stage: Stage, note: Note | undefined): void {
  note?.("the turn of the sessions' thread ends");
  stage.crossing.endTurn();
  for (const room of stage.rooms) {
    if (room.isThere) assert.equal(stage.reservations.unspent(room.id), 0, "left of a block");
  }
}

function written(random: Random, stage: Stage, room: Room, note: Note | undefined): void {
  if (!room.isThere || room.queue.length === 0) return;
  const bytes = sum(room.queue.splice(0, random.integer(1, room.queue.length)));
  note?.(`${bytes} bytes of ${room.id} are written`);
  stage.crossing.written(room.id, bytes);
  if (room.isOpen) stage.crossing.announceRoom(room.id);
}

function disconnect(stage: Stage, sender: number, room: Room, note: Note | undefined): void {
  const isAsked = stage.mails[sender]!.disconnect(room.id, false);
  note?.(`${sender} disconnects ${room.id}: ${isAsked}`);
  assert.equal(isAsked, room.isThere && room.isOpen, "whether there was a session to disconnect");
  room.isOpen = false;
}

function leave(stage: Stage, room: Room, note: Note | undefined): void {
  if (!room.isThere) return;
  stage.drain(room);
  const lost = stage.crossing.end(room.id, sum(room.queue));
  stage.views[OWNER]!.registry.free(room.id);
  room.isThere = false;
  note?.(`${room.id} leaves, ${lost.packets} packets are lost on the way`);
  const underWay = room.underWay.flat();
  assert.deepEqual(lost, { packets: underWay.length, bytes: sum(underWay) }, "what was under way");
}

/** A sender dies: what it had not posted was never taken, what it had posted arrives. */
function die(stage: Stage, sender: number, note: Note | undefined): void {
  note?.(`thread ${sender} dies`);
  const { inbound } = stage.ports[sender]!;
  const posted = new Map<SessionId, number>();
  for (const message of inbound.waiting) {
    if (message.kind === "packets")
      readBatch(message, (id) => void posted.set(id, (posted.get(id) ?? 0) + 1));
  }
  stage.views[0]!.registry.setIncarnation(sender, 0);
  giveBackUnposted(stage.views[0]!, sender);
  for (const room of stage.rooms) {
    if (room.isThere) room.underWay[sender]!.length = posted.get(room.id) ?? 0;
  }
  while (inbound.deliver()) {}
  for (const room of stage.rooms) {
    room.taken[sender] = 0;
    room.arrived[sender] = 0;
  }
  stage.begin(sender);
}

/** Ids that no session has, of any shape that a number can have. */
function strangers(random: Random, stage: Stage, sender: number): void {
  const gone = stage.rooms.filter((room) => !room.isThere).map(({ id }) => id as number);
  const id = random.pick([
    0,
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    SESSION_SLOTS_MAX * 2 ** 33,
    random.uint32(),
    ...gone,
  ]) as SessionId;
  const sending = stage.mails[sender]!;
  assert.equal(sending.send(id, new Packet().writeUint32(1)), false, `${id} takes nothing`);
  assert.equal(sending.isOpen(id), false, `${id} is not open`);
  assert.equal(sending.disconnect(id, true), false, `${id} cannot be disconnected`);
}

function checkCount({ reservations, views }: Stage, room: Room): void {
  if (!room.isThere) return;
  assert.equal(reservations.bytesTaken(room.id), room.bytes, "bytes taken");
  const counted = views[OWNER]!.memory.reservationHalves[2 * slotOf(room.id)]! & BYTES_MAX;
  assert.equal(counted, room.bytes + reservations.unspent(room.id), "bytes counted");
  assert.ok(counted <= SETTINGS.sendQueueBytesMax, "no more than the limit");
  assert.equal(
    reservations.isUnderWay(room.id),
    room.underWay.some(({ length }) => length > 0),
    "under way",
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
