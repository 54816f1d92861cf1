"""What the tests of docs/PROTOCOL.md share: real servers, and one test case's tools."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import tacit_wire
from tacit_wire import (
    END_STREAM, MORE, PIECE_BYTE_COUNT_MAX, Call, CallFailed, Client, Kind, Wire, method_id)

ROOT = Path(__file__).resolve().parents[2]

HEALTH_CHECK = "tacit.health.v1.Health/Check"
CHECK = "tacit.consent.v1.Consent/Check"
CHECK_BATCH = "tacit.consent.v1.Consent/CheckBatch"
ERASE = "tacit.consent.v1.Consent/Erase"
EXPORT = "tacit.consent.v1.Consent/Export"
GRANT = "tacit.consent.v1.Consent/Grant"
IMPORT = "tacit.consent.v1.Consent/Import"
WATCH = "tacit.consent.v1.Consent/Watch"
PSEUDONYMIZE_STREAM = "tacit.vault.v1.Vault/PseudonymizeStream"

SERVER_STREAM_CREDIT = 1 << 20
SERVER_MESSAGE_BYTE_COUNT_MAX = 4 << 20
FRAME_BYTE_COUNT_MAX = 131_072
SERVER_STREAM_COUNT_MAX = 1_024
# Longer than what a server sends by itself needs to arrive on loopback.
SILENCE_SECONDS = 0.3

_generated = tempfile.TemporaryDirectory(prefix="tacit-protocol-")
SCHEMA = tacit_wire.Schema(ROOT / "Protos", _generated.name)
consent = SCHEMA.file("consent/v1/consent.proto")
vault = SCHEMA.file("vault/v1/vault.proto")
health = SCHEMA.file("health/v1/health.proto")


def programs():
    """The directory of the programs: TACIT_PROGRAMS, or where `swift build` puts them."""
    if directory := os.environ.get("TACIT_PROGRAMS"):
        return Path(directory).resolve()
    output = subprocess.run(
        ["swift", "build", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True,
        text=True)
    return Path(output.stdout.strip())


def environment():
    """Settings of whoever runs the tests must not reach the programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TACIT_")}


class Server:
    """One of the programs, serving on a free port of 127.0.0.1 until `stop`."""

    def __init__(self, name, store=None, plain=True, settings=()):
        self.service = name
        self.log = stack.directory / f"{store or name}.log"
        arguments = [
            stack.programs / f"tacit-{name}", "serve", "--listen", "127.0.0.1:0",
            "--store", stack.directory / f"{store or name}-store",
            "--kms", f"file:{stack.directory}/trust/kms/{name}.json",
            "--identity", stack.identity, *(["--plain"] if plain else []), *settings]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                list(map(str, arguments)), stdout=log, stderr=log, env=environment())
        self.address = self._address()

    def _address(self):
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.log.read_text().splitlines():
                with contextlib.suppress(ValueError, KeyError):
                    host, port = json.loads(line)["endpoint"].rsplit(":", 1)
                    return host, int(port)
            time.sleep(0.02)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"tacit-{self.service} does not serve:\n{self.log.read_text()}")

    def stop(self):
        """Tells the process to stop. It must not have crashed, nor crash now."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0:
            raise AssertionError(
                f"tacit-{self.service} ended with {status}:\n{self.log.read_text()[-4000:]}")


class Stack:
    """A consent service and a vault on plain loopback TCP, for the tests of one file."""

    def start(self):
        self.programs = programs()
        temporary = tempfile.TemporaryDirectory(prefix="tacit-protocol-")
        unittest.addModuleCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.identity = self.directory / "trust/identity"
        subprocess.run(
            [self.programs / "tacit", "init", "--directory", self.directory / "trust"],
            check=True, stdout=subprocess.DEVNULL, env=environment())
        self.consent = Server("consent")
        unittest.addModuleCleanup(self.consent.stop)
        self.vault = Server("vault")
        unittest.addModuleCleanup(self.vault.stop)


stack = Stack()


class ProtocolTestCase(unittest.TestCase):
    def client(self, server=None, **options):
        client = Client(SCHEMA, (server or stack.consent).address, **options)
        self.addCleanup(client.close)
        return client

    def peer(self, server=None, greeted=True, **hello):
        """A connection on which the test sends what it likes."""
        wire = Wire(SCHEMA, (server or stack.consent).address)
        self.addCleanup(wire.close)
        if greeted:
            wire.greet(**hello)
        return wire

    def call(self, wire, name, request=b"", stream=1, flags=END_STREAM, **fields):
        if not isinstance(request, bytes):
            request = request.SerializeToString()
        wire.send(
            Kind.CALL, stream=stream, method=method_id(name), flags=flags, payload=request,
            **fields)

    def status(self, frame):
        self.assertEqual(frame.kind, Kind.REPLY)
        status = SCHEMA.wire.Status.FromString(frame.payload)
        self.assertEqual(status.code, frame.status)
        return status

    def assert_serves(self, server=None):
        """Whatever one peer does, the others are served."""
        with Client(SCHEMA, (server or stack.consent).address) as client:
            reply = client.unary(HEALTH_CHECK, health.CheckRequest())
        self.assertEqual(reply.state, health.SERVING_STATE_READY)

    def assert_alive(self, wire):
        """The connection itself still answers."""
        wire.send(Kind.PING, payload=b"alive?")
        frame = wire.next_frame()
        self.assertIsNotNone(frame, "the connection was closed")
        self.assertEqual((frame.kind, frame.payload), (Kind.PONG, b"alive?"))

    def assert_silent(self, wire):
        """Nothing comes."""
        with self.assertRaises(TimeoutError):
            frame = wire.next_frame(timeout=SILENCE_SECONDS)
            self.fail(f"nothing should come: {frame}")

    def assert_goaway(self, wire, code, text=""):
        """A GOAWAY with this code is the last frame before the close."""
        while frame := wire.next_frame():
            if frame.kind == Kind.GOAWAY:
                break
        self.assertIsNotNone(frame, "closed without a GOAWAY")
        ended = wire.ended(frame)
        self.assertEqual(ended.code, code, ended)
        self.assertIn(text, str(ended))
        self.assertIsNone(wire.next_frame(), "the connection must close behind a GOAWAY")
        return ended

    def raw_request(self, client, name, body):
        """A unary call whose request is any bytes, and any number of them."""
        call = Call(client, 1, SCHEMA.methods[name], 30)
        client.last_stream = call.id
        client.calls[call.id] = call
        first, rest = body[:PIECE_BYTE_COUNT_MAX], body[PIECE_BYTE_COUNT_MAX:]
        self.call(client, name, first, flags=MORE if rest else END_STREAM)
        if rest:
            call.send_pieces(rest, END_STREAM)
        return call

    def refusal(self, name, body):
        """The CallFailed of such a call. The connection goes on."""
        client = self.client()
        with self.assertRaises(CallFailed) as caught:
            self.raw_request(client, name, body).receive()
        client.unary(HEALTH_CHECK, health.CheckRequest())
        return caught.exception


def grant(pid, scopes=("analytics",)):
    return consent.GrantRequest(
        pid=pid, scopes=scopes, expires_at_us=int((time.time() + 3_600) * 1e6), source="test",
        version=1)


def receipt_line(number):
    """A receipt as Import takes it."""
    pid = base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
    return json.dumps({
        "consent_id": f"c_{number:026}", "user_id_hashed": f"hmac:sha256:{pid}",
        "scopes": ["analytics"], "granted_at": "2026-01-01T00:00:00Z",
        "expires_at": "2096-01-01T00:00:00Z", "source": "test", "version": 1})


def nested(byte_count):
    """Messages in field 1 of one another, as deep as so many bytes go."""
    body = bytearray()
    while len(body) < byte_count:
        body[:0] = b"\x0a" + varint(len(body))
    return bytes(body)


def varint(value):
    """A number as protobuf writes it."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
