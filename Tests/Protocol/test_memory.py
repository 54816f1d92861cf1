"""One number bounds the memory of a server, whatever its clients do: an attack on a real process,
whose peak the kernel tells."""

import contextlib
import time
import unittest
from pathlib import Path

from support import HEALTH_CHECK, PSEUDONYMIZE_STREAM, ProtocolTestCase, Server, health, stack
from tacit_wire import END_STREAM, MORE, CallFailed, ConnectionEnded, Kind, method_id

PSEUDONYMIZE = "tacit.vault.v1.Vault/Pseudonymize"
SCHEMA = "tacit.reflection.v1.Reflection/Schema"
MEMORY_MAX_MIB = 64
# What one connection may go past the limit before it is noticed, and what an allocator keeps.
SLACK_MIB = 96
CONNECTIONS = 40
PIECE = bytes(65_000)


def setUpModule():
    stack.start()


def peak_mib(server):
    """The most memory that the process ever had in RAM, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1_024


class MemoryTests(ProtocolTestCase):
    def setUp(self):
        self.server = Server(
            "vault", store=self.id().rsplit(".", 1)[1],
            settings=["--memory-max-mib", str(MEMORY_MAX_MIB)])
        self.addCleanup(self.server.stop)
        self.wires = []
        self.check()
        self.before = peak_mib(self.server)

    def check(self):
        """A good call on a new connection, within two seconds: room comes as others go."""
        end = time.monotonic() + 2
        while True:
            try:
                return self.client(self.server).unary(HEALTH_CHECK, health.CheckRequest())
            except (OSError, EOFError, ConnectionEnded, CallFailed):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def assert_bounded(self):
        grown = peak_mib(self.server) - self.before
        self.assertLess(grown, MEMORY_MAX_MIB + SLACK_MIB, f"it grew by {grown:.0f} MiB")

    def attack(self, on_connection):
        """Does `on_connection` on many connections; the server may close them when it likes."""
        for _ in range(CONNECTIONS):
            with contextlib.suppress(OSError, EOFError, ConnectionEnded, CallFailed):
                wire = self.peer(self.server)
                self.wires.append(wire)
                wire.socket.settimeout(0.5)
                on_connection(wire)

    def test_requests_that_never_end_are_given_up(self):
        def never_end(wire):
            for stream in range(1, 120, 2):
                wire.send(
                    Kind.CALL, stream=stream, method=method_id(PSEUDONYMIZE), flags=MORE,
                    payload=PIECE)

        self.attack(never_end)
        self.assert_bounded()

    def test_streams_that_no_handler_reads_stop_at_their_credit(self):
        def fill(wire):
            for stream in range(1, 9, 2):
                wire.send(Kind.CALL, stream=stream, method=method_id(PSEUDONYMIZE_STREAM))
                for _ in range(14):
                    wire.send(Kind.DATA, stream=stream, flags=MORE, payload=PIECE)

        self.attack(fill)
        self.assert_bounded()

    def test_answers_that_nobody_reads_are_given_up(self):
        def ask(wire):
            for stream in range(1, 1_000, 2):
                wire.send(
                    Kind.CALL, stream=stream, method=method_id(SCHEMA), flags=END_STREAM)

        self.attack(ask)
        self.assert_bounded()

    def tearDown(self):
        for wire in self.wires:
            wire.close()
        self.check()


if __name__ == "__main__":
    unittest.main()
