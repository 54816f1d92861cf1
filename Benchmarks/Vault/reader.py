#!/usr/bin/env python3
"""Reads a feature of one person after another with the client of Tests/Protocol until standard input ends;
then prints how long the calls took, before and after the line that comes in the middle.

    reader.py HOST:PORT IDENTITY FILE-OF-PIDS READS-A-SECOND

Each read is due at its time, and its duration counts from then: one that waited for the one before it
counts the wait too.
"""

import base64
import json
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Protocol"))

import tacit_wire  # noqa: E402

GET = "tacit.features.v1.Features/Get"


def quantile(numbers, share):
    return sorted(numbers)[int((len(numbers) - 1) * share)]


def main():
    endpoint, identity, people, rate = sys.argv[1:]
    host, _, port = endpoint.rpartition(":")
    pids = [base64.urlsafe_b64decode(line + "=") for line in pathlib.Path(people).read_text().split()]
    parts, state = ([], []), {"part": 0, "ended": False}

    def follow():
        sys.stdin.readline()
        state["part"] = 1
        sys.stdin.read()
        state["ended"] = True

    with tempfile.TemporaryDirectory() as target:
        schema = tacit_wire.Schema(ROOT / "Protos", target)
        features = schema.file("features/v1/features.proto")
        client = tacit_wire.Client(
            schema, (host, int(port)), tls=tacit_wire.tls_context(pathlib.Path(identity), "admin-dev"),
            service="features")
        requests = [features.GetRequest(pids=[pid], features=["purchases:lines"]) for pid in pids]
        for request in requests[:200]:
            client.unary(GET, request)
        print("reading", flush=True)
        threading.Thread(target=follow, daemon=True).start()
        index, due = 0, time.monotonic()
        while not state["ended"]:
            due += 1 / int(rate)
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            client.unary(GET, requests[index % len(requests)])
            parts[state["part"]].append(time.monotonic() - due)
            index += 1
    answer = {}
    for name, seconds in zip(("quiet", "busy"), parts):
        answer[f"{name}_reads"] = len(seconds)
        answer[f"{name}_p50_ms"] = quantile(seconds, 0.5) * 1_000
        answer[f"{name}_p99_ms"] = quantile(seconds, 0.99) * 1_000
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
