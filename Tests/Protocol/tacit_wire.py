"""A client of the Tacit services in one file, written from docs/PROTOCOL.md and Protos/ alone.

It stands on Google's protobuf library and shows what a client in another language needs: `Schema`
(the messages and methods), `encode` and `decode` (bytes), `Wire` (frames on a connection) and
`Client` (calls, credit, deadlines). Section numbers are those of docs/PROTOCOL.md.

One thread, no background work: it reads while it is asked something. A client that may be idle for
longer than the server's keepalive (section 6) has to read, and answer PINGs, all the time.
"""

import collections
import enum
import importlib
import select
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.message import DecodeError

PIECE_BYTE_COUNT_MAX = 65_536  # section 3, messages in pieces
DATA_OVERHEAD_BYTE_COUNT = 64  # section 5
CREDIT_MAX = 2**31 - 1
END_STREAM, MORE = 1, 2
KNOWN_FLAGS = END_STREAM | MORE


class Kind(enum.IntEnum):
    HELLO = 1
    CALL = 2
    REPLY = 3
    DATA = 4
    CREDIT = 5
    CANCEL = 6
    PING = 7
    PONG = 8
    GOAWAY = 9


class Code(enum.IntEnum):
    """The gRPC status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Breach(Exception):
    """The bytes are not what the protocol allows."""


class ConnectionEnded(Exception):
    """The connection is over. `code` is None where no GOAWAY said why."""

    def __init__(self, message, code=None, last_stream=0):
        super().__init__(message)
        self.code = code
        self.last_stream = last_stream


class CallFailed(Exception):
    """A call ended with another status than OK."""

    def __init__(self, code, message="", details=()):
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.details = dict(details)


# Schema ------------------------------------------------------------------------------------------


def method_id(name):
    """FNV-1a, 32 bits, of `package.Service/Method`."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


Method = collections.namedtuple("Method", "name id request reply streams_requests streams_replies")


class Schema:
    """The messages and methods of every .proto file below a directory."""

    def __init__(self, protos, target):
        """Lets protoc write Python modules into `target`, a temporary directory."""
        files = sorted(str(file.relative_to(protos)) for file in Path(protos).rglob("*.proto"))
        subprocess.run(
            ["protoc", f"--proto_path={protos}", f"--python_out={target}", *files], check=True)
        sys.path.insert(0, str(target))
        try:
            names = [file.removesuffix(".proto").replace("/", ".") + "_pb2" for file in files]
            self._modules = {name: importlib.import_module(name) for name in names}
        finally:
            sys.path.remove(str(target))
        self.wire = self.file("wire/v1/frame.proto")
        self.methods = {}
        for module in self._modules.values():
            for service in module.DESCRIPTOR.services_by_name.values():
                self._add(service)

    def file(self, path):
        """The module of one file: `consent/v1/consent.proto`."""
        return self._modules[path.removesuffix(".proto").replace("/", ".") + "_pb2"]

    def _add(self, service):
        proto = descriptor_pb2.ServiceDescriptorProto()
        service.CopyToProto(proto)
        for method, flags in zip(service.methods, proto.method):
            name = f"{service.full_name}/{method.name}"
            self.methods[name] = Method(
                name, method_id(name), _message_class(method.input_type),
                _message_class(method.output_type), flags.client_streaming, flags.server_streaming)


def _message_class(descriptor):
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory().GetPrototype(descriptor)


# Bytes -------------------------------------------------------------------------------------------


def encode(frame):
    """A frame behind its length. Google's library writes fields in the order of their numbers, as
    section 2 asks. Fields that are zero or empty must not have been set."""
    body = frame.SerializeToString()
    return len(body).to_bytes(4, "big") + body


def frame_byte_count(prefix, limit):
    """The length in the first four bytes, refused before anything is read or set aside for it."""
    byte_count = int.from_bytes(prefix[:4], "big")
    if byte_count == 0:
        raise Breach("a frame of length 0")
    if byte_count > limit:
        raise Breach(f"a frame of {byte_count} bytes, the limit is {limit}")
    return byte_count


def decode(schema, body):
    """Reads one frame, given without its length."""
    try:
        frame = schema.wire.Frame.FromString(body)
    except DecodeError as error:
        raise Breach("bytes that are no frame") from error
    if frame.kind not in list(Kind):
        raise Breach(f"a frame of unknown kind {frame.kind}")
    if frame.flags & ~KNOWN_FLAGS:
        raise Breach(f"a frame with unknown flags {frame.flags}")
    if not body.endswith(frame.payload):
        raise Breach("a frame's payload is not its last field")
    return frame


# Frames ------------------------------------------------------------------------------------------


def tls_context(identity, name):
    """TLS 1.3 with the certificate of `name`; host names are not compared (section 1)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(f"{identity}/ca.pem")
    context.load_cert_chain(f"{identity}/{name}.pem", f"{identity}/{name}-key.pem")
    return context


class Wire:
    """Frames on one connection, and nothing more: what is sent here may break every rule."""

    frame_byte_count_max = 4 << 20

    def __init__(self, schema, address, tls=None, service=None):
        self.schema = schema
        self.socket = socket.create_connection(address, timeout=10)
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self.socket = tls.wrap_socket(self.socket)
                self.peer = self._peer(service)
        except (OSError, ConnectionEnded):
            self.socket.close()
            raise
        self.socket.setblocking(False)
        self._inbound = bytearray()
        self._outbound = bytearray()
        self.is_closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.is_closed = True
        self.socket.close()

    def _peer(self, service):
        """The server's SPIFFE id: the only URI, of a service, and of this one if one is named."""
        names = self.socket.getpeercert().get("subjectAltName", ())
        uris = [value for kind, value in names if kind == "URI"]
        prefix = "spiffe://tacit/service/"
        if len(uris) != 1 or not uris[0].startswith(prefix) or (
                service and uris[0] != prefix + service):
            raise ConnectionEnded(f"the server is {uris}")
        return uris[0]

    # Sending. The socket is read while it takes nothing, so that the two sides never wait for
    # each other (section 5).

    def send(self, kind, **fields):
        """Sends a frame of `kind`; zero and empty fields are left out."""
        self.send_bytes(self.frame_bytes(kind, **fields))

    def frame_bytes(self, kind, **fields):
        given = {name: value for name, value in fields.items() if value}
        return encode(self.schema.wire.Frame(kind=kind, **given))

    def send_bytes(self, data, timeout=10):
        self._outbound += data
        end = time.monotonic() + timeout
        while self._outbound and not self.is_closed:
            self._move(end)

    # Receiving.

    def next_frame(self, timeout=10):
        """The next frame, or None once the connection has closed."""
        end = time.monotonic() + timeout
        while True:
            body = self._next_body()
            if body is not None:
                return decode(self.schema, body)
            if self.is_closed:
                return None
            self._move(end)

    def _next_body(self):
        if len(self._inbound) < 4:
            return None
        end = 4 + frame_byte_count(self._inbound, self.frame_byte_count_max)
        if len(self._inbound) < end:
            return None
        body = bytes(self._inbound[4:end])
        del self._inbound[:end]
        return body

    def _move(self, end):
        """Waits until bytes can move, and moves them."""
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing moved in time")
        pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        writers = [self.socket] if self._outbound else []
        readable, writable, _ = select.select([self.socket], writers, [], 0 if pending else left)
        try:
            if readable or pending:
                received = self.socket.recv(1 << 18)
                self._inbound += received
                self.is_closed = not received
            if writable and not self.is_closed:
                del self._outbound[:self.socket.send(self._outbound)]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError:
            # Closed with bytes of ours unread: what the other side said before is read first.
            self._read_rest()
            self.is_closed = True

    def _read_rest(self):
        try:
            while received := self.socket.recv(1 << 18):
                self._inbound += received
        except OSError:
            pass

    # HELLO.

    def hello(self, **changes):
        """Our HELLO, with some fields changed."""
        fields = {
            "version": 1, "frame_byte_count_max": self.frame_byte_count_max,
            "stream_count_max": 100, "stream_credit": 1 << 20, "connection_credit": 4 << 20,
            "role": "client", "build": "tacit_wire.py"}
        return self.schema.wire.Hello(**{**fields, **changes})

    def greet(self, **changes):
        """Exchanges HELLOs; returns the server's."""
        self.send(Kind.HELLO, payload=self.hello(**changes).SerializeToString())
        frame = self.next_frame()
        if frame is None:
            raise ConnectionEnded("closed before HELLO")
        if frame.kind == Kind.GOAWAY:
            raise self.ended(frame)
        if frame.kind != Kind.HELLO:
            raise Breach("a frame before HELLO")
        hello = self.schema.wire.Hello.FromString(frame.payload)
        if hello.version != 1:
            raise Breach(f"the server speaks version {hello.version}")
        return hello

    def ended(self, frame):
        """What a GOAWAY says."""
        goaway = self.schema.wire.Goaway.FromString(frame.payload)
        return ConnectionEnded(goaway.message, _code(goaway.code), goaway.last_stream)


def _code(number):
    return Code(number) if number in list(Code) else Code.UNKNOWN


def cost(payload):
    """What a DATA frame costs in credit."""
    return len(payload) + DATA_OVERHEAD_BYTE_COUNT


# Calls -------------------------------------------------------------------------------------------


class Client(Wire):
    """Calls over one connection."""

    stream_credit = 1 << 20
    connection_credit = 4 << 20

    def __init__(self, schema, address, tls=None, service=None):
        super().__init__(schema, address, tls, service)
        try:
            self.server = self.greet(
                stream_credit=self.stream_credit, connection_credit=self.connection_credit)
        except (OSError, ConnectionEnded, Breach):
            self.close()
            raise
        self.send_credit = self.server.connection_credit
        self.receive_credit = self.connection_credit
        self.ungranted = 0
        self.calls = {}
        self.last_stream = 0
        self.drain = None  # The GOAWAY of a server that takes no more calls.

    def unary(self, name, request, **options):
        """Calls a method with one request and one reply."""
        return self.call(name, request, **options).receive()

    def call(self, name, request=None, *, timeout=30, metadata=None, trace=b""):
        """Opens a call. Where requests are streamed, `request` is None and `Call.send` follows."""
        if self.drain:
            raise CallFailed(Code.UNAVAILABLE, "the server takes no more calls")
        if len(self.calls) >= self.server.stream_count_max:
            raise CallFailed(Code.RESOURCE_EXHAUSTED, "too many calls at once")
        method = self.schema.methods[name]
        body = b"" if method.streams_requests else request.SerializeToString()
        if len(body) > self.server.frame_byte_count_max:
            raise CallFailed(Code.RESOURCE_EXHAUSTED, "the request is longer than is accepted")
        self.last_stream += 2 if self.last_stream else 1
        call = Call(self, self.last_stream, method, timeout)
        self.calls[call.id] = call
        first, rest = body[:PIECE_BYTE_COUNT_MAX], body[PIECE_BYTE_COUNT_MAX:]
        flags = 0 if method.streams_requests else MORE if rest else END_STREAM
        entries = [
            self.schema.wire.Entry(key=key, value=value)
            for key, value in (metadata or {}).items()]
        self.send(
            Kind.CALL, stream=call.id, method=method.id, flags=flags,
            timeout_us=int(timeout * 1e6), metadata=entries, trace=trace, payload=first)
        if rest:
            call.send_pieces(rest, END_STREAM)
        return call

    def turn(self, end):
        """Handles one frame."""
        frame = self.next_frame(max(0.0, end - time.monotonic()))
        if frame is None:
            raise ConnectionEnded("the connection was lost")
        call = self.calls.get(frame.stream)
        if frame.stream and not call and (not frame.stream & 1 or frame.stream > self.last_stream):
            raise Breach(f"a frame on stream {frame.stream}, which was never opened")
        match frame.kind:
            case Kind.PING:
                self.send(Kind.PONG, payload=frame.payload)
            case Kind.PONG:
                pass
            case Kind.GOAWAY:
                self._receive_goaway(frame)
            case Kind.CREDIT:
                self._receive_credit(frame, call)
            case Kind.DATA:
                self._receive_data(frame, call)
            case Kind.REPLY:
                if call:
                    del self.calls[call.id]
                    call.conclude(frame)
            case _:
                raise Breach(f"a {Kind(frame.kind).name} that a server may not send here")

    def _receive_goaway(self, frame):
        goaway = self.ended(frame)
        if goaway.code != Code.OK:
            raise goaway
        self.drain = goaway
        for call in [call for call in self.calls.values() if call.id > goaway.last_stream]:
            del self.calls[call.id]
            call.outcome = CallFailed(Code.UNAVAILABLE, "not started: the server shuts down")

    def _receive_credit(self, frame, call):
        holder = call if frame.stream else self
        if not 0 < frame.credit <= CREDIT_MAX:
            raise Breach(f"a CREDIT of {frame.credit} bytes")
        if holder:
            holder.send_credit += frame.credit
            if holder.send_credit > CREDIT_MAX:
                raise Breach("more credit than 2^31 - 1")

    def _receive_data(self, frame, call):
        spent = cost(frame.payload)
        self.receive_credit -= spent
        if self.receive_credit < 0:
            raise Breach("more data than the connection's credit")
        if call:
            call.receive_data(frame, spent)
        else:
            self.grant(spent)

    def grant(self, byte_count):
        """Gives credit back to the connection, in frames of half the initial credit."""
        self.ungranted += byte_count
        if self.ungranted >= self.connection_credit // 2:
            self.send(Kind.CREDIT, credit=self.ungranted)
            self.receive_credit += self.ungranted
            self.ungranted = 0


class Call:
    """One call: messages out, messages in, and how it ended."""

    def __init__(self, client, stream, method, timeout):
        self.client = client
        self.id = stream
        self.method = method
        # Without a timeout the client waits a day; the server is told nothing.
        self.deadline = time.monotonic() + (timeout or 86_400)
        self.send_credit = client.server.stream_credit
        self.receive_credit = client.stream_credit
        self.ungranted = 0
        self.unread = collections.deque()  # Whole messages and what they cost.
        self.assembly = b""
        self.assembly_cost = 0
        self.outcome = None  # Code.OK or the CallFailed that receive raises.

    # Sending.

    def send(self, request):
        """Sends one of many requests."""
        self.send_pieces(request.SerializeToString(), 0)

    def finish(self):
        """Says that no request follows."""
        self.send_pieces(b"", END_STREAM)

    def send_pieces(self, body, last_flags):
        """Sends a message in pieces as the credit allows; stops when the call has ended."""
        while self.outcome is None:
            least = DATA_OVERHEAD_BYTE_COUNT + bool(body)
            credit = min(self.send_credit, self.client.send_credit)
            if credit < least:
                self._turn()
                continue
            piece = body[:min(PIECE_BYTE_COUNT_MAX, credit - DATA_OVERHEAD_BYTE_COUNT)]
            body = body[len(piece):]
            self.send_credit -= cost(piece)
            self.client.send_credit -= cost(piece)
            self.client.send(
                Kind.DATA, stream=self.id, flags=MORE if body else last_flags, payload=piece)
            if not body:
                return

    def cancel(self, code=Code.CANCELLED):
        """Gives the call up."""
        if self.outcome is None:
            self.client.send(Kind.CANCEL, stream=self.id, status=code)
            del self.client.calls[self.id]
            self.outcome = CallFailed(code, "given up by this side")
        self.client.grant(self.assembly_cost + sum(spent for _, spent in self.unread))
        self.assembly_cost = 0
        self.unread.clear()

    # Receiving.

    def receive(self):
        """The next reply; None after the last of a stream. Raises CallFailed."""
        while not self.unread:
            if self.outcome is Code.OK:
                return None
            if self.outcome is not None:
                raise self.outcome
            self._grant_assembly()
            self._turn()
        body, spent = self.unread.popleft()
        self._grant(spent)
        return self.method.reply.FromString(body)

    def __iter__(self):
        return iter(self.receive, None)

    def receive_data(self, frame, spent):
        self.receive_credit -= spent
        if self.receive_credit < 0:
            raise Breach("more data than the stream's credit")
        if not self.method.streams_replies and not frame.flags & MORE:
            raise Breach("a whole message before the REPLY it belongs to")
        self.assembly += frame.payload
        self.assembly_cost += spent
        if len(self.assembly) > self.client.frame_byte_count_max:
            self.cancel(Code.RESOURCE_EXHAUSTED)
        elif not frame.flags & MORE:
            self.unread.append((self.assembly, self.assembly_cost))
            self.assembly, self.assembly_cost = b"", 0

    def conclude(self, frame):
        """The call's REPLY has come."""
        if frame.status:
            status = self.client.schema.wire.Status.FromString(frame.payload)
            details = [(detail.key, detail.value) for detail in status.details]
            self.outcome = CallFailed(_code(frame.status), status.message, details)
        else:
            self.outcome = Code.OK
            if not self.method.streams_replies:
                self.unread.append((self.assembly + frame.payload, 0))
        self.client.grant(self.assembly_cost)
        self.assembly_cost = 0

    def _grant_assembly(self):
        """The parts of an unfinished message: its reader waits for the rest."""
        spent, self.assembly_cost = self.assembly_cost, 0
        self._grant(spent)

    def _grant(self, spent):
        self.ungranted += spent
        if self.outcome is None and self.ungranted >= self.client.stream_credit // 2:
            self.client.send(Kind.CREDIT, stream=self.id, credit=self.ungranted)
            self.receive_credit += self.ungranted
            self.ungranted = 0
        self.client.grant(spent)

    def _turn(self):
        try:
            self.client.turn(self.deadline)
        except TimeoutError:
            self.cancel(Code.DEADLINE_EXCEEDED)
