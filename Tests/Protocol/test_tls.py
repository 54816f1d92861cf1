"""TLS.

docs/PROTOCOL.md, held to real servers by a client in another language (tacit_wire.py).
Tools/test.sh runs all of Tests/Protocol.
"""

import ssl
import unittest

from support import (
    CHECK_BATCH, ERASE, HEALTH_CHECK, ProtocolTestCase, Server, consent, health, stack)
from tacit_wire import Breach, CallFailed, Code, ConnectionEnded, tls_context


def setUpModule():
    stack.start()


class TLSTests(ProtocolTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("consent", store="tls", plain=False)
        cls.addClassCleanup(cls.server.stop)

    def test_a_call_over_tls(self):
        client = self.client(
            self.server, tls=tls_context(stack.identity, "admin-dev"), service="consent")
        self.assertEqual(client.socket.version(), "TLSv1.3")
        self.assertEqual(client.peer, "spiffe://tacit/service/consent")
        self.assertEqual(
            client.unary(HEALTH_CHECK, health.CheckRequest()).state, health.SERVING_STATE_READY)
        checks = [consent.CheckRequest(pid=b"t" * 32, scope="analytics")] * 4_096
        reply = client.unary(CHECK_BATCH, consent.CheckBatchRequest(checks=checks))
        self.assertEqual(len(reply.replies), 4_096)

    def test_a_server_of_another_name_is_left(self):
        with self.assertRaises(ConnectionEnded):
            self.client(self.server, tls=tls_context(stack.identity, "admin-dev"), service="vault")

    def test_a_caller_without_the_scope_is_refused_before_its_request_is_read(self):
        client = self.client(self.server, tls=tls_context(stack.identity, "marketing-dev"))
        with self.assertRaises(CallFailed) as caught:
            self.raw_request(client, ERASE, b"\xff").receive()
        self.assertEqual(caught.exception.code, Code.PERMISSION_DENIED)

    def test_who_shows_no_certificate_or_speaks_older_tls_is_not_let_in(self):
        older = tls_context(stack.identity, "admin-dev")
        older.minimum_version = older.maximum_version = ssl.TLSVersion.TLSv1_2
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname = False
        stranger.load_verify_locations(stack.identity / "ca.pem")
        for context in (older, stranger, None):
            with self.assertRaises((ConnectionEnded, Breach, OSError)):
                self.client(self.server, tls=context)
        self.test_a_call_over_tls()


if __name__ == "__main__":
    unittest.main()
