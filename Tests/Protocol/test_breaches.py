"""Breaches.

docs/PROTOCOL.md, held to real servers by a client in another language (tacit_wire.py).
Tools/test.sh runs all of Tests/Protocol.
"""

import unittest

from support import (
    HEALTH_CHECK, IMPORT, SCHEMA, FRAME_BYTE_COUNT_MAX, WATCH, ProtocolTestCase, consent,
    nested, stack, varint)
from tacit_wire import END_STREAM, MORE, Code, Kind, method_id


def setUpModule():
    stack.start()


class BreachTests(ProtocolTestCase):
    """Each ends its connection with a GOAWAY, and nothing else."""

    def refuse(self, code, send, server=None, greeted=True, text=""):
        peer = self.peer(server, greeted=greeted)
        send(peer)
        ended = self.assert_goaway(peer, code, text)
        self.assert_serves(server)
        return ended

    def test_lengths(self):
        for name, code, data in [
            ("0", Code.INVALID_ARGUMENT, bytes(4)),
            ("one past the limit", Code.RESOURCE_EXHAUSTED,
             (FRAME_BYTE_COUNT_MAX + 1).to_bytes(4, "big")),
            ("4 GiB - 1", Code.RESOURCE_EXHAUSTED, b"\xff" * 4),
        ]:
            with self.subTest(name):
                self.refuse(code, lambda peer: peer.send_bytes(data))
        peer = self.peer()
        peer.send_bytes(FRAME_BYTE_COUNT_MAX.to_bytes(4, "big"))
        self.assert_silent(peer)

    def test_frames(self):
        big_metadata = [SCHEMA.wire.Entry(key="n", value=bytes(8_193))]
        many_entries = [SCHEMA.wire.Entry(key="n", value=b"v")] * 65
        endless_metadata = [SCHEMA.wire.Entry(key="n", value=bytes(8_192))] * 500
        long_name = [SCHEMA.wire.Entry(key="n" * 129)]
        check = method_id(HEALTH_CHECK)
        for name, code, send in [
            ("an unknown kind", Code.INVALID_ARGUMENT, lambda peer: peer.send(77)),
            ("an unknown flag", Code.INVALID_ARGUMENT,
             lambda peer: self.call(peer, HEALTH_CHECK, flags=END_STREAM | 8)),
            ("an unknown flag where flags mean nothing", Code.INVALID_ARGUMENT,
             lambda peer: peer.send(Kind.PING, flags=4)),
            ("garbage", Code.INVALID_ARGUMENT,
             lambda peer: peer.send_bytes(b"\0\0\0\x08" + b"\xff" * 8)),
            ("too long a value", Code.INVALID_ARGUMENT,
             lambda peer: self.call(peer, HEALTH_CHECK, metadata=big_metadata)),
            ("too long a name", Code.INVALID_ARGUMENT,
             lambda peer: self.call(peer, HEALTH_CHECK, metadata=long_name)),
            ("too many entries", Code.INVALID_ARGUMENT,
             lambda peer: self.call(peer, HEALTH_CHECK, metadata=many_entries)),
            ("endless metadata", Code.RESOURCE_EXHAUSTED,
             lambda peer: self.call(peer, HEALTH_CHECK, metadata=endless_metadata)),
            ("a trace of 30 bytes", Code.INVALID_ARGUMENT,
             lambda peer: self.call(peer, HEALTH_CHECK, trace=bytes(30))),
            ("1 MB of empty entries", Code.RESOURCE_EXHAUSTED,
             lambda peer: self.raw_frame(peer, b"\x08\x02\x10\x01" + b"\x42\x00" * 500_000)),
            ("a frame full of empty entries", Code.INVALID_ARGUMENT,
             lambda peer: self.raw_frame(peer, b"\x08\x02\x10\x01" + b"\x42\x00" * 65_000)),
            ("34 KB of nested messages", Code.INVALID_ARGUMENT,
             lambda peer: self.raw_frame(
                 peer, b"\x08\x02\x10\x01\x42" + varint(len(nested(34_000))) + nested(34_000))),
            ("34 KB of nested groups", Code.INVALID_ARGUMENT,
             lambda peer: self.raw_frame(peer, b"\x08\x02" + b"\x43" * 34_000)),
            ("a NUL in a name", Code.INVALID_ARGUMENT,
             lambda peer: self.call(
                 peer, HEALTH_CHECK, metadata=[SCHEMA.wire.Entry(key="a\0b")])),
            ("bad UTF-8 in a name", Code.INVALID_ARGUMENT,
             lambda peer: self.raw_frame(
                 peer, b"\x08\x02\x10\x01\x1d" + check.to_bytes(4, "little")
                 + b"\x20\x01\x42\x04\x0a\x02\xc3\x28")),
        ]:
            with self.subTest(name):
                self.refuse(code, send)

    def raw_frame(self, peer, body):
        peer.send_bytes(len(body).to_bytes(4, "big") + body)

    def test_hello(self):
        def hello(**changes):
            return lambda peer: peer.send(
                Kind.HELLO, payload=peer.hello(**changes).SerializeToString())

        for name, code, send in [
            ("a frame before it", Code.FAILED_PRECONDITION,
             lambda peer: self.call(peer, HEALTH_CHECK)),
            ("a PING before it", Code.FAILED_PRECONDITION, lambda peer: peer.send(Kind.PING)),
            ("an older version", Code.FAILED_PRECONDITION, hello(version=0)),
            ("a newer version", Code.FAILED_PRECONDITION, hello(version=2)),
            ("too small frames", Code.FAILED_PRECONDITION, hello(frame_byte_count_max=131_071)),
            ("too much credit", Code.INVALID_ARGUMENT, hello(stream_credit=2**31)),
            ("too much credit of the connection", Code.INVALID_ARGUMENT,
             hello(connection_credit=2**31)),
            ("too long a role", Code.INVALID_ARGUMENT, hello(role="r" * 65)),
            ("no message", Code.INVALID_ARGUMENT,
             lambda peer: peer.send(Kind.HELLO, payload=b"\xff")),
            ("another protocol", Code.INVALID_ARGUMENT,
             lambda peer: peer.send_bytes(b"GET / HTTP/1.1\r\n\r\n")),
        ]:
            with self.subTest(name):
                self.refuse(code, send, greeted=False)
        with self.subTest("a second one"):
            self.refuse(Code.FAILED_PRECONDITION, hello())

    def test_streams(self):
        def frames(*sent):
            def send(peer):
                for kind, fields in sent:
                    peer.send(kind, **fields)
            return send

        watch = {"stream": 1, "method": method_id(WATCH), "flags": END_STREAM,
                 "payload": consent.WatchRequest(follow=True).SerializeToString()}
        check = {"stream": 5, "method": method_id(HEALTH_CHECK), "flags": END_STREAM}
        upload = {"stream": 1, "method": method_id(IMPORT)}
        for name, code, send in [
            ("stream 0", Code.INVALID_ARGUMENT, frames((Kind.CALL, {**check, "stream": 0}))),
            ("an even stream", Code.INVALID_ARGUMENT, frames((Kind.CALL, {**check, "stream": 2}))),
            ("a number that goes back", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, check), (Kind.CALL, {**check, "stream": 3}))),
            ("a number used twice", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, check), (Kind.CALL, check))),
            ("DATA on a stream never opened", Code.FAILED_PRECONDITION,
             frames((Kind.CALL, check), (Kind.DATA, {"stream": 7}))),
            ("CREDIT on a stream never opened", Code.FAILED_PRECONDITION,
             frames((Kind.CREDIT, {"stream": 1, "credit": 1}))),
            ("CANCEL on a stream never opened", Code.FAILED_PRECONDITION,
             frames((Kind.CANCEL, {"stream": 1}))),
            ("CANCEL of the connection", Code.FAILED_PRECONDITION, frames((Kind.CANCEL, {}))),
            ("DATA on an even stream", Code.FAILED_PRECONDITION,
             frames((Kind.CALL, check), (Kind.DATA, {"stream": 4}))),
            ("a REPLY from a client", Code.FAILED_PRECONDITION,
             frames((Kind.CALL, watch), (Kind.REPLY, {"stream": 1}))),
            ("DATA after END_STREAM", Code.FAILED_PRECONDITION,
             frames((Kind.CALL, watch), (Kind.DATA, {"stream": 1}))),
            ("END_STREAM and MORE", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, upload), (Kind.DATA, {"stream": 1, "flags": END_STREAM | MORE}))),
            ("one request that does not end", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, {**watch, "flags": 0}))),
            ("a second request where one is due", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, {**watch, "flags": MORE}), (Kind.DATA, {"stream": 1}))),
            ("a request where requests are streamed", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, {**upload, "payload": b"\x08\x01"}))),
            ("MORE where requests are streamed", Code.INVALID_ARGUMENT,
             frames((Kind.CALL, {**upload, "flags": MORE}))),
            ("a PING of 9 bytes", Code.INVALID_ARGUMENT,
             frames((Kind.PING, {"payload": b"123456789"}))),
        ]:
            with self.subTest(name):
                self.refuse(code, send)

    def test_credit(self):
        watch = consent.WatchRequest(follow=True)
        for name, stream, credits in [
            ("of nothing", 0, [0]),
            ("of nothing to a stream", 1, [0]),
            ("past 2^31 - 1 at once", 0, [2**31]),
            ("past 2^31 - 1 in all", 0, [2**31 - 1]),
            ("past 2^31 - 1 on a stream", 1, [2**30, 2**30]),
        ]:
            with self.subTest(name):
                def send(peer):
                    self.call(peer, WATCH, watch)
                    for credit in credits:
                        peer.send(Kind.CREDIT, stream=stream, credit=credit)
                self.refuse(Code.INVALID_ARGUMENT, send)

    def test_late_frames_on_a_closed_stream_are_no_breach(self):
        peer = self.peer()
        self.call(peer, HEALTH_CHECK)
        self.assertEqual(peer.next_frame().kind, Kind.REPLY)
        peer.send(Kind.DATA, stream=1, payload=b"late")
        peer.send(Kind.CREDIT, stream=1, credit=1)
        peer.send(Kind.CANCEL, stream=1)
        self.assert_alive(peer)


if __name__ == "__main__":
    unittest.main()
