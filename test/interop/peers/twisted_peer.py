"""A peer that speaks Twisted's Int16StringReceiver or Int32StringReceiver.

    twisted_peer.py listen|connect PORT SEED COUNT BYTES_MAX HEADER_BYTES

Sends COUNT strings of random sizes and, at the same time, receives COUNT. Then it tells the MD5 of both directions (of
each string: its length as a big-endian u32, then its bytes), waits for the other side to close, and tells whether
anything came in between.
"""
import hashlib
import random
import struct
import sys

from twisted.internet import error, interfaces, protocol, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.protocols.basic import Int16StringReceiver, Int32StringReceiver
from zope.interface import implementer


def size(rng, bytes_max):
    limit = rng.choices([200, 4096, 40_000, bytes_max], [50, 30, 15, 5])[0]
    return rng.randint(0, min(limit, bytes_max))


class Tally:
    def __init__(self):
        self.md5 = hashlib.md5()
        self.bytes = self.strings = 0

    def add(self, string):
        self.md5.update(struct.pack(">I", len(string)))
        self.md5.update(string)
        self.bytes += len(string)
        self.strings += 1

    def __str__(self):
        return f"{self.bytes} {self.md5.hexdigest()}"


@implementer(interfaces.IPushProducer)
class Exchange:
    """Mixed into a receiver: sends as fast as the transport takes it, and counts what comes."""

    def begin(self, seed, count, bytes_max):
        self.rng = random.Random(seed)
        self.block = self.rng.randbytes(1 << 20)
        self.count, self.bytes_max = count, bytes_max
        self.sent, self.received = Tally(), Tally()
        self.extra, self.paused, self.pumping = None, False, False

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self.pump()

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False
        if not self.pumping:
            self.pump()

    def stopProducing(self):
        self.paused = True

    def pump(self):
        self.pumping = True
        while not self.paused and self.sent.strings < self.count:
            length = size(self.rng, self.bytes_max)
            at = self.rng.randint(0, len(self.block) - length)
            string = self.block[at : at + length]
            if length >= 4:
                string = struct.pack(">I", self.sent.strings) + string[4:]
            self.sendString(string)
            self.sent.add(string)
            if self.sent.strings == self.count:
                self.transport.unregisterProducer()
                self.tell_when_done()
        self.pumping = False

    def stringReceived(self, string):
        if self.received.strings == self.count:
            self.extra = len(string)
            return
        self.received.add(string)
        self.tell_when_done()

    def tell_when_done(self):
        if self.sent.strings == self.received.strings == self.count:
            print("sent", self.sent, "received", self.received, flush=True)

    def lengthLimitExceeded(self, length):
        raise ValueError(f"a string of {length} bytes")

    def connectionLost(self, reason):
        if not reason.check(error.ConnectionDone):
            print("lost", reason.value, flush=True)
        elif self.extra is not None:
            print("more", self.extra, flush=True)
        else:
            print("closed", flush=True)
        reactor.stop()


class Int16Peer(Exchange, Int16StringReceiver):
    pass


class Int32Peer(Exchange, Int32StringReceiver):
    pass


def main():
    how = sys.argv[1]
    port, seed, count, bytes_max, header_bytes = map(int, sys.argv[2:])

    def build(_):
        peer = Int16Peer() if header_bytes == 2 else Int32Peer()
        peer.begin(seed, count, bytes_max)
        return peer

    factory = protocol.Factory()
    factory.buildProtocol = build
    if how == "connect":
        TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory).addErrback(lambda e: (print(e.value), reactor.stop()))
    else:
        listening = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        listening.addCallback(lambda it: print("port", it.getHost().port, flush=True))
    reactor.run()


main()
