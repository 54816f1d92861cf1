"""Calls, and how they end.

docs/PROTOCOL.md, held to real servers by a client in another language (tacit_wire.py).
Tools/test.sh runs all of Tests/Protocol.
"""

import signal
import time
import unittest

from support import (
    CHECK, CHECK_BATCH, EXPORT, GRANT, HEALTH_CHECK, IMPORT, PSEUDONYMIZE_STREAM,
    SERVER_MESSAGE_BYTE_COUNT_MAX, SERVER_STREAM_COUNT_MAX, SERVER_STREAM_CREDIT, WATCH,
    ProtocolTestCase, Server, consent, grant, health, nested, receipt_line, stack, vault)
from tacit_wire import END_STREAM, MORE, PIECE_BYTE_COUNT_MAX, CallFailed, Code, Kind


def setUpModule():
    stack.start()


class CallTests(ProtocolTestCase):
    def test_hello_names_the_servers_limits(self):
        hello = self.client().server
        self.assertEqual(hello.version, 1)
        self.assertEqual(hello.role, "server")
        self.assertEqual(hello.frame_byte_count_max, SERVER_MESSAGE_BYTE_COUNT_MAX)
        self.assertEqual(hello.stream_count_max, SERVER_STREAM_COUNT_MAX)
        self.assertEqual(hello.stream_credit, SERVER_STREAM_CREDIT)
        self.assertEqual(hello.connection_credit, 4 << 20)

    def test_a_unary_call(self):
        client = self.client()
        reply = client.unary(GRANT, grant(b"u" * 32))
        self.assertTrue(reply.created)
        self.assertEqual(reply.receipt.pid, b"u" * 32)
        check = client.unary(CHECK, consent.CheckRequest(pid=b"u" * 32, scope="analytics"))
        self.assertTrue(check.granted)
        self.assertEqual(check.consent_id, reply.receipt.consent_id)

    def test_a_request_and_a_reply_in_pieces(self):
        client = self.client()
        client.unary(GRANT, grant(b"p" * 32))
        checks = [consent.CheckRequest(pid=b"p" * 32, scope="analytics")] * 4_096
        request = consent.CheckBatchRequest(checks=checks)
        self.assertGreater(request.ByteSize(), 2 * PIECE_BYTE_COUNT_MAX)
        reply = client.unary(CHECK_BATCH, request)
        self.assertGreater(reply.ByteSize(), 2 * PIECE_BYTE_COUNT_MAX)
        self.assertEqual([check.granted for check in reply.replies], [True] * 4_096)

    def test_many_calls_at_once_are_told_apart(self):
        client = self.client()
        pids = [bytes([number]) * 32 for number in range(100)]
        for pid in pids[::2]:
            client.unary(GRANT, grant(pid, ["marketing"]))
        calls = [
            client.call(CHECK, consent.CheckRequest(pid=pid, scope="marketing")) for pid in pids]
        granted = [call.receive().granted for call in reversed(calls)]
        self.assertEqual(granted[::-1], [True, False] * 50)

    def test_a_server_stream_ends_with_a_reply(self):
        client = self.client()
        client.unary(GRANT, grant(b"w" * 32))
        batches = list(client.call(WATCH, consent.WatchRequest()))
        changes = [change for batch in batches for change in batch.changes]
        self.assertEqual([change.sequence for change in changes], [*range(1, len(changes) + 1)])
        self.assertIn(b"w" * 32, [change.pid for change in changes])

    def test_messages_in_both_directions_at_once(self):
        client = self.client(stack.vault)
        call = client.call(PSEUDONYMIZE_STREAM)
        pids = {}
        for number in range(20):
            identifier = vault.Identifier(
                kind=vault.IDENTIFIER_KIND_EMAIL, value=f"person{number % 10}@example.org")
            call.send(vault.PseudonymizeRequest(identifiers=[identifier], create=True))
            reply = call.receive()
            pid = reply.pseudonyms[0].pid
            self.assertEqual(len(pid), 32)
            self.assertEqual(pids.setdefault(number % 10, pid), pid)
        call.finish()
        self.assertIsNone(call.receive())
        self.assertEqual(len(set(pids.values())), 10)

    def test_a_long_upload_answered_message_by_message(self):
        client = self.client()
        call = client.call(IMPORT)
        lines = [receipt_line(number) for number in range(20_000)]
        # 4 MB: past the stream's credit several times.
        for first in range(0, len(lines), 2_500):
            call.send(consent.ImportChunk(first_line=first + 1, lines=lines[first:first + 2_500]))
        call.finish()
        progress = list(call)
        self.assertEqual(progress[-1].accepted, len(lines), progress[-1].rejects[:1])
        self.assertEqual(progress[-1].last_line, len(lines))
        # And down again, in messages longer than a piece.
        chunks = list(client.call(EXPORT, consent.ExportRequest()))
        self.assertGreaterEqual(sum(len(chunk.lines) for chunk in chunks), len(lines))
        self.assertGreater(max(chunk.ByteSize() for chunk in chunks), PIECE_BYTE_COUNT_MAX)

    def test_a_stream_can_end_before_its_requests_do(self):
        client = self.client(stack.vault)
        call = client.call(PSEUDONYMIZE_STREAM)
        call.send(vault.PseudonymizeRequest(domain="no-such-domain"))
        with self.assertRaises(CallFailed):
            call.receive()
        # What the caller still sends meets a closed stream and is ignored.
        call.outcome = None
        for _ in range(3):
            call.send(vault.PseudonymizeRequest())
        self.assert_alive(client)

    def test_a_cancelled_stream_is_silent(self):
        client = self.client()
        call = client.call(WATCH, consent.WatchRequest(follow=True), timeout=0)
        self.assertIsNotNone(call.receive())
        call.cancel()
        with self.assertRaises(CallFailed) as caught:
            call.receive()
        self.assertEqual(caught.exception.code, Code.CANCELLED)
        reply = client.unary(GRANT, grant(b"c" * 32))
        self.assertTrue(reply.receipt.sequence)
        self.assert_silent(client)

    def test_a_server_keeps_the_deadline(self):
        peer = self.peer()
        began = time.monotonic()
        self.call(peer, WATCH, consent.WatchRequest(follow=True), timeout_us=200_000)
        while (frame := peer.next_frame()).kind == Kind.DATA:
            pass
        self.assertEqual(self.status(frame).code, Code.DEADLINE_EXCEEDED)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        self.assert_alive(peer)

    def test_a_client_keeps_the_deadline_too(self):
        client = self.client()
        call = client.call(WATCH, consent.WatchRequest(follow=True), timeout=0)
        call.deadline = time.monotonic() + 0.2
        with self.assertRaises(CallFailed) as caught:
            for _ in call:
                pass
        self.assertEqual(caught.exception.code, Code.DEADLINE_EXCEEDED)
        client.unary(HEALTH_CHECK, health.CheckRequest())

    def test_a_method_that_is_not_there(self):
        peer = self.peer()
        self.call(peer, "tacit.health.v1.Health/Missing")
        self.assertEqual(self.status(peer.next_frame()).code, Code.UNIMPLEMENTED)
        self.assert_alive(peer)

    def test_requests_that_cannot_be_decoded(self):
        long_text = b"\x12\x41" + b"a" * 65
        for name, body, field in [
            ("no protobuf", b"\xff", None),
            ("a NUL in a text", b"\x12\x03a\x00b", "CheckRequest.scope"),
            ("bad UTF-8 in a text", b"\x12\x02\xc3\x28", "CheckRequest.scope"),
            ("a text past its limit", long_text, "CheckRequest.scope"),
        ]:
            with self.subTest(name):
                failure = self.refusal(CHECK, body)
                self.assertEqual(failure.code, Code.INVALID_ARGUMENT)
                self.assertEqual(failure.details.get("field"), field)

    def test_requests_that_are_bombs(self):
        checks = consent.CheckBatchRequest(checks=[consent.CheckRequest()] * 4_097)
        for name, body in [
            ("34 KB of nested messages", nested(34_000)),
            ("34 KB of nested groups", b"\x0b" * 34_000),
            ("1 MB of empty messages", b"\x0a\x00" * 500_000),
            ("one element past the limit", checks.SerializeToString()),
        ]:
            with self.subTest(name):
                self.assertEqual(self.refusal(CHECK_BATCH, body).code, Code.INVALID_ARGUMENT)

    def test_a_request_past_the_limit_ends_its_call_alone(self):
        failure = self.refusal(CHECK_BATCH, bytes(SERVER_MESSAGE_BYTE_COUNT_MAX + 1))
        self.assertEqual(failure.code, Code.RESOURCE_EXHAUSTED)
        failure = self.refusal(CHECK_BATCH, bytes(SERVER_MESSAGE_BYTE_COUNT_MAX))
        self.assertEqual(failure.code, Code.INVALID_ARGUMENT)

    def test_a_reply_past_the_clients_limit_is_not_sent(self):
        client = self.client()
        client.unary(GRANT, grant(b"l" * 32))
        checks = [consent.CheckRequest(pid=b"l" * 32, scope="analytics")] * 4_096
        request = consent.CheckBatchRequest(checks=checks).SerializeToString()
        peer = self.peer(frame_byte_count_max=131_072)
        self.call(peer, CHECK_BATCH, request[:PIECE_BYTE_COUNT_MAX], flags=MORE)
        self.send_rest(peer, request[PIECE_BYTE_COUNT_MAX:])
        self.assertEqual(self.status(peer.next_frame()).code, Code.RESOURCE_EXHAUSTED)
        self.assert_alive(peer)

    def send_rest(self, peer, body):
        while body:
            piece, body = body[:PIECE_BYTE_COUNT_MAX], body[PIECE_BYTE_COUNT_MAX:]
            peer.send(Kind.DATA, stream=1, flags=MORE if body else END_STREAM, payload=piece)

    def test_metadata_and_trace_are_taken(self):
        trace = bytes([0, 0]) + b"T" * 16 + bytes([1]) + b"S" * 8 + bytes([2, 1])
        for name, metadata, given in [
            ("usual", {"tenant": b"acme", "x-2.b": b"\x00\xff"}, trace),
            ("as many as there may be", {f"n{index}": b"v" for index in range(64)}, b""),
            ("as long as it may be", {"n": bytes(8_192), "m" * 100: bytes(8_091)}, b""),
            ("a trace of another form is ignored", {}, b"short"),
        ]:
            with self.subTest(name):
                reply = self.client().unary(
                    HEALTH_CHECK, health.CheckRequest(), metadata=metadata, trace=given)
                self.assertEqual(reply.state, health.SERVING_STATE_READY)

    def test_metadata_past_its_limits_ends_the_call(self):
        for name, metadata in [
            ("together too long", {"n": bytes(8_192), "m": bytes(8_192)}),
            ("another character in a name", {"Upper": b"v"}),
            ("an empty name", {"": b"v"}),
        ]:
            with self.subTest(name):
                client = self.client()
                with self.assertRaises(CallFailed) as caught:
                    client.unary(HEALTH_CHECK, health.CheckRequest(), metadata=metadata)
                self.assertEqual(caught.exception.code, Code.INVALID_ARGUMENT)
                client.unary(HEALTH_CHECK, health.CheckRequest())

    def test_ping_is_answered_with_its_payload(self):
        peer = self.peer()
        for payload in (b"", b"1", b"12345678"):
            peer.send(Kind.PING, payload=payload)
            frame = peer.next_frame()
            self.assertEqual((frame.kind, frame.payload), (Kind.PONG, payload))

    def test_a_hello_byte_by_byte(self):
        peer = self.peer(greeted=False)
        for byte in peer.frame_bytes(Kind.HELLO, payload=peer.hello().SerializeToString()):
            peer.send_bytes(bytes([byte]))
        self.assertEqual(peer.next_frame().kind, Kind.HELLO)
        self.assert_alive(peer)

    def test_a_server_drains(self):
        server = Server("consent", store="drained")
        self.addCleanup(server.process.kill)
        peer = self.peer(server)
        self.call(peer, WATCH, consent.WatchRequest(follow=True))
        self.assertEqual(peer.next_frame().kind, Kind.DATA)
        server.process.send_signal(signal.SIGTERM)
        goaway = peer.next_frame()
        self.assertEqual(goaway.kind, Kind.GOAWAY)
        self.assertEqual(peer.ended(goaway).code, Code.OK)
        self.assertEqual(peer.ended(goaway).last_stream, 1)
        # A later call is not started; a stream without an end is ended.
        self.call(peer, HEALTH_CHECK, stream=3)
        reply = peer.next_frame()
        self.assertEqual(reply.stream, 1)
        self.assertEqual(self.status(reply).code, Code.UNAVAILABLE)
        self.assertIsNone(peer.next_frame())
        self.assertEqual(server.process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
