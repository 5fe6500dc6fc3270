"""A peer that speaks multiprocessing.connection, as its documentation shows it.

    multiprocessing_peer.py listen|connect PORT SEED COUNT BYTES_MAX

Sends COUNT messages of random sizes and, at the same time, receives COUNT. Then it tells the MD5 of both
directions (of each message: its length as a big-endian u32, then its bytes), waits for the other side to
close, and tells whether anything came in between.
"""
import hashlib
import random
import struct
import sys
import threading
from multiprocessing.connection import Client, Listener


def connection(how, port):
    if how == "connect":
        return Client(("127.0.0.1", port), authkey=None)
    with Listener(("127.0.0.1", port), authkey=None) as listener:
        print("port", listener.address[1], flush=True)
        return listener.accept()


def size(rng, bytes_max):
    limit = rng.choices([200, 4096, 40_000, bytes_max], [50, 30, 15, 5])[0]
    return rng.randint(0, min(limit, bytes_max))


class Tally:
    def __init__(self):
        self.md5 = hashlib.md5()
        self.bytes = 0

    def add(self, message):
        self.md5.update(struct.pack(">I", len(message)))
        self.md5.update(message)
        self.bytes += len(message)

    def __str__(self):
        return f"{self.bytes} {self.md5.hexdigest()}"


def send_all(conn, seed, count, bytes_max, sent):
    rng = random.Random(seed)
    block = rng.randbytes(1 << 20)
    for number in range(count):
        length = size(rng, bytes_max)
        at = rng.randint(0, len(block) - length)
        message = block[at : at + length]
        if length >= 4:
            message = struct.pack(">I", number) + message[4:]
        conn.send_bytes(message)
        sent.add(message)


def main():
    how, port, seed, count, bytes_max = sys.argv[1], *map(int, sys.argv[2:])
    conn = connection(how, port)
    sent, received = Tally(), Tally()
    sender = threading.Thread(target=send_all, args=(conn, seed, count, bytes_max, sent), daemon=True)
    sender.start()
    for _ in range(count):
        received.add(conn.recv_bytes())
    sender.join()
    print("sent", sent, "received", received, flush=True)
    try:
        print("more", len(conn.recv_bytes()), flush=True)
    except EOFError:
        print("closed", flush=True)


main()
