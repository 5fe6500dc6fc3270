"""A peer that speaks Net frames, written from the formulas and from nothing else.

    net_peer.py listen|connect PORT SEED COUNT BYTES_MAX CODE KEY

    | code u8 | length u16 LE | randKey u8 | checksum u8 | payload |

Sends COUNT packets of random sizes and, at the same time, receives COUNT. Then it tells the MD5 of both directions (of
each packet: its length as a big-endian u32, then its bytes), waits for the other side to close, and tells whether
anything came in between.
"""
import hashlib
import random
import socket
import struct
import sys
import threading


class Codec:
    def __init__(self, code, key):
        self.code, self.key = code, key

    def encode(self, payload, rand_key):
        p = e = 0
        encoded = bytearray()
        for i, d in enumerate(bytes([sum(payload) % 256]) + payload, 1):
            p = d ^ ((p + rand_key + i) % 256)
            e = p ^ ((e + self.key + i) % 256)
            encoded.append(e)
        return struct.pack("<BHB", self.code, len(payload), rand_key) + encoded

    def read(self, stream):
        """The next payload, or None at the end of the stream."""
        header = stream.read(4)
        if not header:
            return None
        code, length, rand_key = struct.unpack("<BHB", header)
        if code != self.code:
            raise ValueError(f"code {code}")
        body = stream.read(1 + length)
        if len(body) != 1 + length:
            raise EOFError("in the middle of a frame")
        p_before = e_before = 0
        clear = bytearray()
        for i, e in enumerate(body, 1):
            p = e ^ ((e_before + self.key + i) % 256)
            clear.append(p ^ ((p_before + rand_key + i) % 256))
            p_before, e_before = p, e
        payload = bytes(clear[1:])
        if clear[0] != sum(payload) % 256:
            raise ValueError(f"checksum {clear[0]} of {length} bytes")
        return payload


def connection(how, port):
    if how == "connect":
        return socket.create_connection(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("port", listener.getsockname()[1], flush=True)
        return listener.accept()[0]


def size(rng, bytes_max):
    limit = rng.choices([200, 1000, 10_000, bytes_max], [60, 30, 9, 1])[0]
    return rng.randint(0, min(limit, bytes_max))


class Tally:
    def __init__(self):
        self.md5 = hashlib.md5()
        self.bytes = 0

    def add(self, packet):
        self.md5.update(struct.pack(">I", len(packet)))
        self.md5.update(packet)
        self.bytes += len(packet)

    def __str__(self):
        return f"{self.bytes} {self.md5.hexdigest()}"


def send_all(conn, codec, seed, count, bytes_max, sent):
    rng = random.Random(seed)
    block = rng.randbytes(1 << 20)
    for number in range(count):
        length = size(rng, bytes_max)
        at = rng.randint(0, len(block) - length)
        packet = block[at : at + length]
        if length >= 4:
            packet = struct.pack(">I", number) + packet[4:]
        conn.sendall(codec.encode(packet, rng.randint(0, 255)))
        sent.add(packet)


def main():
    how = sys.argv[1]
    port, seed, count, bytes_max, code, key = map(int, sys.argv[2:])
    codec = Codec(code, key)
    conn = connection(how, port)
    sent, received = Tally(), Tally()
    args = (conn, codec, seed, count, bytes_max, sent)
    sender = threading.Thread(target=send_all, args=args, daemon=True)
    sender.start()
    stream = conn.makefile("rb")
    for _ in range(count):
        received.add(codec.read(stream))
    sender.join()
    print("sent", sent, "received", received, flush=True)
    more = codec.read(stream)
    print("closed" if more is None else f"more {len(more)}", flush=True)


main()
