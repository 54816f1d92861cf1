#!/usr/bin/env python3
"""Measures the RPC of Tacit beside its peers in one go and writes var/bench/rpc.json.

Every contender is a server and a client in processes of their own on the loopback address. The
rounds are interleaved (each contender runs once in a round), and a ratio is the median of the
ratios of the rounds, so that whatever else the machine does falls on all alike.

Run it through `make bench-rpc`, which builds what is needed. With --strict the exit code is 1
when a threshold of Benchmarks/thresholds.json is missed.
"""

import argparse
import contextlib
import fcntl
import json
import mmap
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from thresholds import verdicts  # noqa: E402


@contextlib.contextmanager
def held(path):
    """Holds the lock of a file, for a machine whose users take turns by it."""
    if path is None:
        yield
        return
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Server:
    """A server process: started, asked for its port, stopped by its own id."""

    def __init__(self, command, cpus=None, environment=None):
        if cpus is not None:
            command = ["taskset", "--cpu-list", cpus, *command]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
        )
        found = re.match(r"listening (\d+)", self.process.stdout.readline())
        if not found:
            self.stop()
            raise SystemExit(f"{command[0]} did not start")
        self.port = int(found[1])

    def cpu_seconds(self):
        """What all its threads have used."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Contender:
    """A server and a client that belong together."""

    def __init__(self, name, server, client, environment=None):
        self.name, self.server, self.client = name, server, client
        self.environment = environment
        self.runs = []

    def run(self, load, cpus, milliseconds):
        """One round: a fresh server, one client."""
        server_cpus, client_cpus = cpus or (None, None)
        server = Server(self.server, server_cpus, self.environment)
        try:
            command = [*self.client, "--port", str(server.port)]
            for key, value in load.items():
                command += [f"--{key}", str(value)]
            command += ["--warmup-ms", "300", "--measure-ms", str(milliseconds)]
            if client_cpus is not None:
                command = ["taskset", "--cpu-list", client_cpus, *command]
            before = server.cpu_seconds()
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            if done.returncode != 0:
                raise SystemExit(f"{self.name}: {' '.join(command)}: {done.stderr.strip()}")
            result = json.loads(done.stdout.strip().splitlines()[-1])
            used = server.cpu_seconds() - before
            result["server_cpu_us_per_call"] = used * 1e6 / max(1, result["calls_total"])
            self.runs.append(result)
        finally:
            server.stop()

    def median(self, key):
        return statistics.median(run[key] for run in self.runs)


class Scene:
    """A load, and the contenders that stand it in turns."""

    def __init__(self, name, load, contenders, cpus=None):
        self.name, self.load, self.cpus = name, load, cpus
        self.contenders = {c.name: c for c in contenders}

    def run(self, rounds, milliseconds, lock):
        for number in range(rounds):
            with held(lock):
                print(f"{self.name}: round {number + 1} of {rounds}", file=sys.stderr)
                for contender in self.contenders.values():
                    contender.run(self.load, self.cpus, milliseconds)

    def best(self, prefix, key="calls_per_s", smaller=False):
        """The contender of a family with the best median: every peer in its best mode."""
        family = [c for c in self.contenders.values() if c.name.startswith(prefix)]
        pick = min if smaller else max
        return pick(family, key=lambda c: c.median(key)) if family else None

    def ratio(self, ours, theirs, key="calls_per_s"):
        if ours is None or theirs is None:
            return None
        return statistics.median(
            a[key] / b[key] for a, b in zip(ours.runs, theirs.runs) if b[key] > 0
        )


def make_peer_certificates(directory):
    """An authority and one certificate for both ends of the peers, who compare host names."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
    openssl("req", "-x509", *curve, "-keyout", "peer-ca-key.pem", "-out", "peer-ca.pem",
            "-subj", "/CN=bench", "-days", "2")
    openssl("req", *curve, "-keyout", "peer-key.pem", "-out", "peer.csr", "-subj", "/CN=peer")
    (directory / "peer.cnf").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("x509", "-req", "-in", "peer.csr", "-CA", "peer-ca.pem", "-CAkey", "peer-ca-key.pem",
            "-CAcreateserial", "-days", "2", "-extfile", "peer.cnf", "-out", "peer.pem")


class Programs:
    """Where the programs of all contenders are."""

    def __init__(self, options):
        self.c = pathlib.Path(options.c_programs)
        self.swift = pathlib.Path(options.swift_programs)
        self.grpc_swift = pathlib.Path(options.grpc_swift) if options.grpc_swift else None
        self.grpc_cpp = bool((self.c / "grpc-cpp-server").exists())
        self.certificates = tempfile.mkdtemp(prefix="tacit-bench-")
        make_peer_certificates(pathlib.Path(self.certificates))

    def ours(self, tls=False, in_task=False, any_thread=False):
        extra = ["--tls", self.certificates] if tls else []
        name = "tacit" + (" tls" if tls else "") + (" in a task" if in_task else "")
        name += " from any thread" if any_thread else ""
        return Contender(
            name,
            [str(self.swift / "rpc-bench-server"), *extra],
            [str(self.swift / "rpc-bench-client"), *extra, *(["--in-task"] if in_task else []),
             *(["--any-thread"] if any_thread else [])],
        )

    def ours_under_c(self):
        return Contender(
            "tacit server, C load", [str(self.swift / "rpc-bench-server")], [str(self.c / "load")]
        )

    def echo(self):
        return Contender("epoll echo, C load", [str(self.c / "echo")], [str(self.c / "load")])

    def protobuf_c_echo(self):
        return Contender("epoll echo with protobuf-c, C load", [str(self.c / "echo-protobuf-c")],
                         [str(self.c / "load")])

    def cpp(self, *modes, tls=False):
        if not self.grpc_cpp:
            return []
        server, client = str(self.c / "grpc-cpp-server"), str(self.c / "grpc-cpp-client")
        extra = ["--tls", self.certificates] if tls else []
        family = "TLS gRPC C++" if tls else "gRPC C++"
        return [Contender(f"{family} {m}", [server, *m.split(), *extra], [client, *extra])
                for m in modes]

    def grpc_swift_modes(self, *loops, tls=False):
        if self.grpc_swift is None:
            return []
        server, client = str(self.grpc_swift / "echo-server"), str(self.grpc_swift / "echo-client")
        extra = ["--tls", self.certificates] if tls else []
        family = "TLS grpc-swift" if tls else "grpc-swift"
        return [
            Contender(f"{family} {n} loop{'s' if n > 1 else ''}", [server, str(n), *extra],
                      [client, *extra])
            for n in loops
        ]


def scenes(programs):
    modes = ("sync", "async 1", "async 2", "callback")
    p = programs

    def load(connections, in_flight, payload):
        return {"connections": connections, "in-flight": in_flight, "payload": payload}

    def ours():
        return [p.ours(), p.ours(tls=True), p.ours_under_c(), p.echo()]

    def many(cpp, swift=1):
        """Peers for scenes with many calls: the plain ones in these modes, TLS in one."""
        return [*ours(), *p.cpp(*cpp), *p.cpp("async 1", tls=True), *p.grpc_swift_modes(swift),
                *p.grpc_swift_modes(swift, tls=True)]

    def one(*cpp):
        return [*ours(), *p.cpp(*cpp), *p.cpp("sync", tls=True), *p.grpc_swift_modes(1),
                *p.grpc_swift_modes(1, tls=True)]

    two_cores, one_core = ("0", "1"), ("0", "0")
    single = ("sync", "async 1", "callback")
    return {
        "plenty": Scene(
            "64 B, 128 in flight", load(1, 128, 64),
            [*ours(), p.ours(in_task=True), p.ours(any_thread=True), p.protobuf_c_echo(),
             *p.cpp(*modes), *p.cpp("async 1", tls=True), *p.grpc_swift_modes(1, 2),
             *p.grpc_swift_modes(1, tls=True)]),
        "more": Scene("64 B, 256 in flight", load(1, 256, 64), many(("async 1",))),
        "more long": Scene("1.6 KB, 256 in flight", load(1, 256, 1600), many(("async 1",))),
        "many": Scene("64 B, 16 connections, 16 in flight on each", load(16, 16, 64),
                      many(modes, swift=2)),
        "many long": Scene("1.6 KB, 16 connections, 16 in flight on each", load(16, 16, 1600),
                           many(("async 1", "async 2"), swift=2)),
        "two": Scene("64 B, 1 in flight, two cores", load(1, 1, 64), one(*single), cpus=two_cores),
        "one": Scene("64 B, 1 in flight, one core", load(1, 1, 64), one(*single), cpus=one_core),
        "two long": Scene("1.6 KB, 1 in flight, two cores", load(1, 1, 1600), one("sync"),
                          cpus=two_cores),
    }


def allocations_per_call(programs):
    """What a call costs our server in allocations: the difference of a long and a short run."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "count")
        shim = {"LD_PRELOAD": str(programs.c / "count-allocations.so"),
                "ALLOCATION_COUNT_FILE": path}
        server = Server([str(programs.swift / "rpc-bench-server")], environment=shim)
        try:
            with open(path, "r+b") as file, mmap.mmap(file.fileno(), 8) as counter:
                def run(milliseconds):
                    before = struct.unpack("Q", counter[:8])[0]
                    out = subprocess.run(
                        [str(programs.c / "load"), "--port", str(server.port), "--warmup-ms", "0",
                         "--measure-ms", str(milliseconds)],
                        check=True, capture_output=True, text=True, timeout=60)
                    time.sleep(0.1)
                    after = struct.unpack("Q", counter[:8])[0]
                    return after - before, json.loads(out.stdout)["calls_total"]
                run(200)
                short, long = run(200), run(1_000)
                return (long[0] - short[0]) / max(1, long[1] - short[1])
        finally:
            server.stop()


def keys_of(results, programs):
    plenty, many, two, one = (results[name] for name in ("plenty", "many", "two", "one"))
    ours, echo = plenty.contenders["tacit"], plenty.contenders["epoll echo, C load"]
    ours_under_c = plenty.contenders["tacit server, C load"]
    keys = {
        "calls_per_s": ours.median("calls_per_s"),
        "ratio_grpc_cpp": plenty.ratio(ours, plenty.best("gRPC C++")),
        "ratio_grpc_swift": plenty.ratio(ours, plenty.best("grpc-swift")),
        "conns16_ratio_grpc_cpp": many.ratio(many.contenders["tacit"], many.best("gRPC C++")),
        "server_ratio_epoll_echo": plenty.ratio(ours_under_c, echo),
        # Beside the physical limit, the one that a codec leaves.
        "server_ratio_protobuf_c_echo": plenty.ratio(
            ours_under_c, plenty.contenders["epoll echo with protobuf-c, C load"]),
        "full_ratio_epoll_echo": plenty.ratio(ours, echo),
        "tls_ratio": plenty.ratio(plenty.contenders["tacit tls"], ours),
        "tls_ratio_grpc_cpp": plenty.ratio(
            plenty.contenders["tacit tls"], plenty.best("TLS gRPC C++")),
        "tls_ratio_grpc_swift": plenty.ratio(
            plenty.contenders["tacit tls"], plenty.best("TLS grpc-swift")),
        "cpu_us_per_call": ours_under_c.median("server_cpu_us_per_call"),
        "allocations_per_call": allocations_per_call(programs),
    }
    for name, scene in (("two_cores", two), ("one_core", one)):
        keys[f"p99_{name}_ratio_grpc_cpp"] = scene.ratio(
            scene.contenders["tacit"], scene.best("gRPC C++", "p99_us", smaller=True), "p99_us")
    return {key: round(value, 4) for key, value in keys.items() if value is not None}


def table(results):
    lines = [f"{'':42}{'calls/s':>12}{'p50 us':>10}{'p99 us':>10}{'server us/call':>16}"]
    for scene in results.values():
        lines.append(scene.name)
        for c in scene.contenders.values():
            lines.append(
                f"  {c.name:40}{c.median('calls_per_s'):>12,.0f}{c.median('p50_us'):>10.1f}"
                f"{c.median('p99_us'):>10.1f}{c.median('server_cpu_us_per_call'):>16.3f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--c-programs", required=True)
    parser.add_argument("--swift-programs", required=True)
    parser.add_argument("--grpc-swift")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure-ms", type=int, default=1_000)
    parser.add_argument("--out", default=str(ROOT / "var" / "bench" / "rpc.json"))
    parser.add_argument("--lock", help="a file that is locked during each round of a scene")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    programs = Programs(options)
    try:
        results = scenes(programs)
        for scene in results.values():
            scene.run(options.rounds, options.measure_ms, options.lock)
        keys = keys_of(results, programs)
    finally:
        shutil.rmtree(programs.certificates, ignore_errors=True)
    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    detail = {
        scene.name: {
            c.name: {key: round(c.median(key), 3) for key in
                     ("calls_per_s", "p50_us", "p99_us", "server_cpu_us_per_call")}
            for c in scene.contenders.values()
        }
        for scene in results.values()
    }
    out.write_text(json.dumps({**keys, "rounds": options.rounds, "scenes": detail}, indent=2) + "\n")
    print(table(results))
    print()
    missed = verdicts("rpc", keys)
    print(f"\nwritten to {out}")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
