"""Floods, and peers that take their time.

docs/PROTOCOL.md, held to real servers by a client in another language (tacit_wire.py).
Tools/test.sh runs all of Tests/Protocol.
"""

import contextlib
import select
import socket
import time
import unittest

from support import (
    HEALTH_CHECK, IMPORT, SERVER_STREAM_COUNT_MAX, WATCH, ProtocolTestCase, consent, stack)
from tacit_wire import END_STREAM, Code, Kind, method_id


def setUpModule():
    stack.start()


class FloodTests(ProtocolTestCase):
    def test_two_thousand_streams_opened_and_cancelled_at_once(self):
        peer = self.peer()
        request = consent.WatchRequest(follow=True, after_sequence=1 << 40).SerializeToString()
        streams = range(1, 4_001, 2)
        peer.send_bytes(b"".join(
            peer.frame_bytes(
                Kind.CALL, stream=stream, method=method_id(WATCH), flags=END_STREAM,
                payload=request)
            + peer.frame_bytes(Kind.CANCEL, stream=stream, status=Code.CANCELLED)
            for stream in streams))
        self.assert_serves()
        peer.send(Kind.PING)
        while (frame := peer.next_frame()).kind != Kind.PONG:
            # A handler counts until it has really ended.
            if frame.kind == Kind.REPLY:
                self.assertEqual(self.status(frame).code, Code.RESOURCE_EXHAUSTED)
        self.until_answered(peer, 4_001)

    def until_answered(self, peer, stream):
        """Handlers that were cancelled have ended soon, and the connection is as good as new."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            self.call(peer, HEALTH_CHECK, stream=stream)
            while (frame := peer.next_frame()).stream != stream:
                pass
            if frame.status == Code.OK:
                return
            stream += 2
        self.fail("no call is answered any more")

    def test_streams_past_the_limit_are_refused_one_by_one(self):
        peer = self.peer()
        request = consent.WatchRequest(follow=True, after_sequence=1 << 40)
        for number in range(SERVER_STREAM_COUNT_MAX + 3):
            self.call(peer, WATCH, request, stream=2 * number + 1)
        refused = []
        while len(refused) < 3:
            frame = peer.next_frame()
            if frame.kind == Kind.REPLY:
                self.assertEqual(self.status(frame).code, Code.RESOURCE_EXHAUSTED)
                refused.append(frame.stream // 2)
        self.assertEqual(refused, [SERVER_STREAM_COUNT_MAX + number for number in range(3)])
        self.assert_serves()

    def test_more_than_a_hundred_pings_in_ten_seconds(self):
        peer = self.peer()
        peer.send_bytes(peer.frame_bytes(Kind.PING) * 100)
        for _ in range(100):
            self.assertEqual(peer.next_frame().kind, Kind.PONG)
        peer.send(Kind.PING)
        self.assert_goaway(peer, Code.RESOURCE_EXHAUSTED)
        self.assert_serves()

    def test_floods_of_frames_that_cost_little(self):
        for name, kind, fields, method in [
            ("empty DATA on a closed stream", Kind.DATA, {"stream": 1}, HEALTH_CHECK),
            ("CANCEL of a closed stream", Kind.CANCEL, {"stream": 1}, HEALTH_CHECK),
            ("CREDIT", Kind.CREDIT, {"credit": 1}, HEALTH_CHECK),
            ("CREDIT to a stream", Kind.CREDIT, {"stream": 1, "credit": 1}, WATCH),
        ]:
            with self.subTest(name):
                peer = self.peer()
                request = consent.WatchRequest(follow=True, after_sequence=1 << 40)
                self.call(peer, method, request if method == WATCH else b"")
                peer.next_frame()
                peer.send_bytes(peer.frame_bytes(kind, **fields) * 100_000, timeout=30)
                self.assert_serves()
                peer.send(Kind.PING)
                # The server grants the DATA of closed streams again.
                while (answer := peer.next_frame()).kind == Kind.CREDIT:
                    pass
                self.assertEqual(answer.kind, Kind.PONG)

    def test_a_flood_of_empty_messages_within_the_credit(self):
        client = self.client()
        call = client.call(IMPORT)
        for _ in range(50_000):
            call.send(consent.ImportChunk())
        call.finish()
        self.assertEqual(list(call), [])
        self.assert_serves()


class TimeTests(ProtocolTestCase):
    def test_hello_in_five_seconds_or_never(self):
        silent, slow = self.peer(greeted=False), self.peer(greeted=False)
        hello = slow.frame_bytes(Kind.HELLO, payload=slow.hello().SerializeToString())
        began = time.monotonic()
        for byte in hello:
            with contextlib.suppress(OSError):
                slow.socket.send(bytes([byte]))
            if self.has_goaway(slow) or time.monotonic() - began > 8:
                break
            time.sleep(1)
        for peer in (silent, slow):
            self.assert_goaway(peer, Code.DEADLINE_EXCEEDED)
        self.assertGreater(time.monotonic() - began, 4.9)
        self.assert_serves()

    def has_goaway(self, peer):
        """Whether more than the server's HELLO has come: its bytes are left where they are."""
        readable, _, _ = select.select([peer.socket], [], [], 0)
        with contextlib.suppress(OSError):
            return bool(readable) and len(peer.socket.recv(4_096, socket.MSG_PEEK)) > 60
        return True


if __name__ == "__main__":
    unittest.main()
