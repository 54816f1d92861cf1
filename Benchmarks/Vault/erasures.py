"""Erasures on a stack of real processes: one person with many rows, many people at once, and what old
backups give back afterwards. Used by bench_vault.py."""

import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("consent", "vault", "features", "trainer", "vectors")
VIEWS = """
views:
  - name: purchases
    entity: customer
    source: orders
    features:
      - {name: lines, type: int, aggregate: count, scope: analytics, default: 0}
      - {name: items, type: tallies, aggregate: tally, field: item, scope: product_recs}
"""
EVENTS, VECTORS, DIMENSION = 1_000, 50, 64
READS_PER_SECOND, QUIET_SECONDS = 500, 8
ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Stack:
    """The five services as plain processes below a directory of their own."""

    def __init__(self, programs, directory):
        self.programs, self.directory = programs, directory
        self.root = directory / "stack"
        self.environment = os.environ | {"TACIT_IDENTITY": str(self.root / "trust" / "identity")}
        self.up()

    def up(self):
        self.run("tacit", "up", "--directory", self.root, "--file", ROOT / "docker-compose.yml", "--free-ports")
        status = json.loads(self.run("tacit", "status", "--directory", self.root, "--json"))
        for line in status:
            self.environment[f"TACIT_{line['service'].upper()}_ENDPOINT"] = line["endpoint"]

    def down(self):
        self.run("tacit", "down", "--directory", self.root)

    def store(self, service):
        return self.root / f"{service}-store"

    def run(self, program, *arguments, input=None, check=True):
        words = [str(self.programs / program), *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, input=input, env=self.environment)
        if check and done.returncode != 0:
            raise SystemExit(f"{' '.join(words)}: {done.returncode} {done.stdout} {done.stderr}")
        return done.stdout

    def file(self, name, lines):
        path = self.directory / name
        path.write_text("".join(line + "\n" for line in lines))
        return path


def consent_id(number):
    random_part = random.Random(number).choices(ULID, k=16)
    return "c_01KEMQ8VJ0" + "".join(random_part)


def receipt(pid, number):
    return json.dumps({
        "consent_id": consent_id(number), "user_id_hashed": "hmac:sha256:" + pid,
        "scopes": ["product_recs", "analytics"], "granted_at": "2026-01-10T12:34:56Z",
        "expires_at": "2099-01-10T12:34:56Z", "source": "bench", "version": 1})


def event(pid, number, index):
    at = datetime.datetime(2026, 2, 1) + datetime.timedelta(minutes=index)
    return json.dumps({
        "pid": pid, "consent_id": consent_id(number), "event_id": f"e{index}",
        "time": at.isoformat() + "Z", "fields": {"item": f"i{index % 40}"}})


def readable_rows(stack, pid):
    """What the feature store and the vault still give of a person."""
    read = stack.run("tacit-features", "get", "--pid", pid, "purchases:lines", "--json", check=False)
    shown = stack.run("tacit-vault", "show", "--pid", pid, "--json", check=False)
    lines = read.partition('"value" : ')[2].split(",")[0].split("\n")[0].strip()
    known = json.loads(shown)["identifiers"] if shown.strip() else []
    return (int(lines) if lines.isdigit() else 0) + len(known)


def fill(stack, people):
    """People with a receipt and an event each; the first one with many events and vectors."""
    addresses = stack.file("people.txt", (f"c{number}@example.com" for number in range(people)))
    output = stack.run("tacit-vault", "pseudonymize", addresses, "--kind", "email", "--create", "--json")
    pids = [json.loads(line)["pid"] for line in output.splitlines()]
    stack.run("tacit-consent", "import", stack.file("receipts.jsonl", map(receipt, pids, range(people))))
    views = stack.directory / "views.yaml"
    views.write_text(VIEWS)
    stack.run("tacit-features", "views", "apply", views)
    events = [event(pids[0], 0, index) for index in range(EVENTS)]
    events += [event(pid, number, 0) for number, pid in enumerate(pids) if number]
    stack.run("tacit-features", "write-events", "--source", "orders", stack.file("events.jsonl", events))
    for number in range(VECTORS):
        name = f"tastes-{number}"
        stack.run("tacit-vectors", "collections", "create", name, "--subject", "person", "--scope",
                  "product_recs", "--dimension", DIMENSION, "--metric", "cosine")
        vector = json.dumps({"id": pids[0], "consent_id": consent_id(0), "vector": [1.0] * DIMENSION})
        stack.run("tacit-vectors", "upsert", "--collection", name, stack.file("vector.jsonl", [vector]))
    learn(stack)
    return pids


def learn(stack):
    """Three models that everybody is in."""
    budget = ("--dataset", "orders", "--purpose", "recommendations")
    stack.run("tacit-trainer", "budget", "create", *budget, "--epsilon", 4, "--delta", 1e-6)
    items = stack.file("items.csv", ["item,text"] + [f"i{number},thing {number}" for number in range(40)])
    for number in range(3):
        stack.run("tacit-trainer", "train", "--name", f"model-{number}", *budget, "--history-feature",
                  "purchases:items", "--scope", "analytics", "--epsilon", 1, "--catalogue", items)


class Reader:
    """Reads of people who stay, so many a second, from a process of its own."""

    def __init__(self, stack, pids):
        environment = stack.environment
        self.process = subprocess.Popen(
            [sys.executable, "-B", ROOT / "Benchmarks" / "Vault" / "reader.py",
             environment["TACIT_FEATURES_ENDPOINT"], environment["TACIT_IDENTITY"],
             stack.file("kept.txt", pids), str(READS_PER_SECOND)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "reading\n", "the reader does not read"

    def begin(self):
        """What follows is beside the erasures."""
        self.process.stdin.write("now\n")
        self.process.stdin.flush()

    def end(self):
        out, _ = self.process.communicate(timeout=30)
        return json.loads(out)


def measure(programs, people, mass, say):
    """One erasure, a mass erasure, and the restore drill; answers the keys."""
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as scratch:
        stack = Stack(programs, pathlib.Path(scratch))
        try:
            say(f"erasures: {people:,} people, one with {EVENTS:,} events and {VECTORS} vectors")
            pids = fill(stack, people)
            assert readable_rows(stack, pids[0]) > EVENTS
            for service in SERVICES:
                stack.run(f"tacit-{service}", "backup", "--directory", stack.directory / "backup" / service)
            one = json.loads(stack.run(
                "tacit-consent", "erase", "--pid", pids[0], "--ground", "gdpr-17-1-b", "--yes", "--json"))
            assert one["certified"], one
            say(f"erasures: {mass:,} people at once")
            gone = stack.file("gone.txt", pids[1:1 + mass])
            reader = Reader(stack, random.Random(3).sample(pids[1 + mass:], min(1_000, people // 4)))
            time.sleep(QUIET_SECONDS)
            reader.begin()
            many = json.loads(stack.run(
                "tacit-consent", "erase", "--pids", gone, "--ground", "gdpr-17-1-b", "--yes", "--json"))
            reads = reader.end()
            assert many["erased"] == mass, many
            say("erasures: old backups of every store")
            stack.down()
            for service in SERVICES:
                stack.run(f"tacit-{service}", "restore", "--from", stack.directory / "backup" / service,
                          "--store", stack.store(service), "--force")
            stack.up()
            erased = pids[:1] + random.Random(1).sample(pids[1:1 + mass], 20)
            kept = random.Random(2).sample(pids[1 + mass:], 5)
            assert all(readable_rows(stack, pid) > 0 for pid in kept), "the others are whole"
            return {
                "erasure_ms": one["duration_ms"],
                "mass_erasure_s": many["duration_ms"] / 1_000,
                "mass_erasure_certified": many["certified"],
                "mass_erasure_read_p99_ratio": reads["busy_p99_ms"] / reads["quiet_p99_ms"],
                "quiet_read_p99_ms": reads["quiet_p99_ms"],
                "busy_read_p99_ms": reads["busy_p99_ms"],
                "restored_readable_rows": sum(readable_rows(stack, pid) for pid in erased),
            }
        finally:
            stack.down()
