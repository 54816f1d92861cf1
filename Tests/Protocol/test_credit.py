"""Credit.

docs/PROTOCOL.md, held to real servers by a client in another language (tacit_wire.py).
Tools/test.sh runs all of Tests/Protocol.
"""

import contextlib
import unittest

from support import (
    CHECK_BATCH, EXPORT, GRANT, HEALTH_CHECK, IMPORT, PSEUDONYMIZE_STREAM, SCHEMA,
    SERVER_STREAM_CREDIT, SILENCE_SECONDS, ProtocolTestCase, consent, grant, receipt_line, stack)
from tacit_wire import END_STREAM, MORE, PIECE_BYTE_COUNT_MAX, Client, Code, Kind, cost


def setUpModule():
    stack.start()


class CreditTests(ProtocolTestCase):
    @classmethod
    def setUpClass(cls):
        with Client(SCHEMA, stack.consent.address) as client:
            call = client.call(IMPORT)
            lines = [receipt_line(1_000_000 + number) for number in range(4_000)]
            call.send(consent.ImportChunk(first_line=1, lines=lines))
            call.finish()
            accepted = list(call)[-1]
            assert accepted.accepted + accepted.duplicates == 4_000, accepted

    def spent(self, wire):
        """What the DATA costs that comes until nothing comes any more."""
        spent = 0
        with contextlib.suppress(TimeoutError):
            while frame := wire.next_frame(timeout=SILENCE_SECONDS):
                self.assertEqual(frame.kind, Kind.DATA)
                self.assertLessEqual(len(frame.payload), PIECE_BYTE_COUNT_MAX)
                spent += cost(frame.payload)
        return spent

    def rest(self, wire, stream):
        """Reads with all the credit there can be up to the REPLY."""
        while (frame := wire.next_frame()).kind == Kind.DATA:
            self.assertEqual(frame.stream, stream)
        self.assertEqual((frame.kind, frame.stream, frame.status), (Kind.REPLY, stream, 0))

    def test_an_unread_stream_stops_at_exactly_its_credit(self):
        peer = self.peer(stream_credit=200_000, connection_credit=1 << 30)
        self.call(peer, EXPORT, consent.ExportRequest())
        self.assertEqual(self.spent(peer), 200_000)
        # It stops nothing but itself.
        self.call(peer, HEALTH_CHECK, stream=3)
        self.assertEqual(peer.next_frame().stream, 3)
        peer.send(Kind.CREDIT, stream=1, credit=100_000)
        self.assertEqual(self.spent(peer), 100_000)
        peer.send(Kind.CREDIT, stream=1, credit=1 << 30)
        self.rest(peer, stream=1)

    def test_the_credit_of_a_call_takes_the_place_of_hellos(self):
        peer = self.peer(stream_credit=1 << 30, connection_credit=1 << 30)
        self.call(peer, EXPORT, consent.ExportRequest(), credit=1_000)
        self.assertEqual(self.spent(peer), 1_000)
        # 64 bytes carry no payload.
        peer.send(Kind.CREDIT, stream=1, credit=64)
        self.assertEqual(self.spent(peer), 0)
        peer.send(Kind.CREDIT, stream=1, credit=1)
        self.assertEqual(self.spent(peer), 65)
        peer.send(Kind.CREDIT, stream=1, credit=1 << 30)
        self.rest(peer, stream=1)

    def test_the_connections_credit_holds_all_streams(self):
        peer = self.peer(stream_credit=150_000, connection_credit=200_000)
        self.call(peer, EXPORT, consent.ExportRequest())
        self.call(peer, EXPORT, consent.ExportRequest(), stream=3)
        self.assertEqual(self.spent(peer), 200_000)
        # Small calls need none.
        self.call(peer, HEALTH_CHECK, stream=5)
        self.assertEqual(peer.next_frame().stream, 5)
        peer.send(Kind.CREDIT, credit=50_000)
        self.assertEqual(self.spent(peer), 50_000)
        peer.send(Kind.CANCEL, stream=1, status=Code.CANCELLED)
        peer.send(Kind.CREDIT, stream=3, credit=1 << 30)
        peer.send(Kind.CREDIT, credit=1 << 30)
        self.rest(peer, stream=3)

    def test_a_reply_in_pieces_waits_for_credit_too(self):
        with Client(SCHEMA, stack.consent.address) as client:
            client.unary(GRANT, grant(b"r" * 32))
        checks = [consent.CheckRequest(pid=b"r" * 32, scope="analytics")] * 1_500
        peer = self.peer(stream_credit=10_000)
        self.call(peer, CHECK_BATCH, consent.CheckBatchRequest(checks=checks[:1_000]))
        frame = peer.next_frame()
        self.assertEqual(frame.kind, Kind.REPLY, "a reply of one piece costs nothing")
        body = consent.CheckBatchRequest(checks=checks).SerializeToString()
        self.call(peer, CHECK_BATCH, body[:PIECE_BYTE_COUNT_MAX], stream=3, flags=MORE)
        peer.send(
            Kind.DATA, stream=3, flags=END_STREAM, payload=body[PIECE_BYTE_COUNT_MAX:])
        message = b""
        while (frame := peer.next_frame()).kind == Kind.DATA:
            self.assertEqual(frame.flags, MORE)
            message += frame.payload
            peer.send(Kind.CREDIT, stream=3, credit=cost(frame.payload))
        self.assertEqual((frame.kind, frame.status), (Kind.REPLY, 0))
        reply = consent.CheckBatchReply.FromString(message + frame.payload)
        self.assertEqual(len(reply.replies), 1_500)

    def test_a_server_that_cannot_answer_takes_exactly_its_credit(self):
        peer = self.peer(stack.vault)
        # One byte of credit carries no reply: the first request is read, and then none.
        self.call(peer, PSEUDONYMIZE_STREAM, flags=0, credit=1)
        peer.send(Kind.DATA, stream=1)
        left = SERVER_STREAM_CREDIT - cost(b"")
        while left:
            payload = bytes(min(PIECE_BYTE_COUNT_MAX, left - cost(b"")))
            peer.send(Kind.DATA, stream=1, payload=payload)
            left -= cost(payload)
        self.assert_alive(peer)
        peer.send(Kind.DATA, stream=1)
        self.assert_goaway(peer, Code.RESOURCE_EXHAUSTED, "stream's credit")
        self.assert_serves(stack.vault)

    def test_a_client_gets_messages_longer_than_its_credit(self):
        class Small(Client):
            stream_credit = 5_000
            connection_credit = 20_000

        with Small(SCHEMA, stack.consent.address) as client:
            chunks = list(client.call(EXPORT, consent.ExportRequest()))
        self.assertGreater(max(chunk.ByteSize() for chunk in chunks), 100_000)


if __name__ == "__main__":
    unittest.main()
