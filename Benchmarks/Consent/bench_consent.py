#!/usr/bin/env python3
"""Measures the consent service beside a check through PostgreSQL; writes var/bench/consent.json.

The service is the program that `tacit-consent serve` starts, with its store on a disk and its
journal synced; gates and callers are processes of their own on the loopback address.

Run it through `make bench-consent`, which builds what is needed. With --strict the exit code is 1
when a threshold of Benchmarks/thresholds.json is missed.
"""

import argparse
import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from thresholds import verdicts  # noqa: E402

PARTS = ("imports", "receipts", "checks", "withdrawals", "log", "proofs", "histories", "postgres")
GATES = ("features", "vectors", "trainer")


def say(text):
    print(f"bench-consent: {text}", file=sys.stderr)


def run(*command):
    """The JSON that a program printed last."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.returncode} {done.stderr.strip()}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Service:
    """A consent service on a store of its own, and the program that loads it."""

    def __init__(self, programs, scratch, people):
        self.programs, self.people, self.port = programs, people, free_port()
        trust = scratch / "trust"
        subprocess.run([programs / "tacit", "init", "--directory", trust], check=True,
                       stdout=subprocess.DEVNULL)
        self.log = open(scratch / "service.log", "wb")
        self.process = subprocess.Popen(
            [programs / "tacit-consent", "serve", "--plain", "--listen", f"127.0.0.1:{self.port}",
             "--store", scratch / "store", "--kms", f"file:{trust / 'kms' / 'consent.json'}",
             "--log-level", "warning"], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((scratch / "service.log").read_text())
            time.sleep(0.02)

    def bench(self, command, people=None, **options):
        words = [self.programs / "consent-bench", command, "--port", self.port, "--people",
                 people or self.people]
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), value]
        return run(*words)

    def stop(self):
        self.process.terminate()
        self.process.wait(15)
        self.log.close()


class Gate:
    """A gate with read load, live when this returns."""

    def __init__(self, service, name, reads_per_s):
        self.process = subprocess.Popen(
            [str(word) for word in (
                service.programs / "consent-bench", "gate", "--port", service.port, "--people",
                service.people, "--name", name, "--reads-per-s", reads_per_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "live\n":
            raise SystemExit(f"the gate {name} does not attend")

    def send(self, what):
        self.process.send_signal(what)

    def stop(self):
        out, _ = self.process.communicate(timeout=15)
        return json.loads(out)


# --- The parts ------------------------------------------------------------------------------------


def measure_receipts(service, options):
    say(f"receipts: {service.people:,} of {options.writers} writers")
    grants = service.bench("grants", writers=options.writers)
    # As many again, on top of what there is by then: the mean of the two counts.
    more = service.bench("grants", writers=options.writers, **{"from": service.people})
    table = service.bench("gate-table", people=2 * service.people)
    return {
        "receipts_per_s_durable": statistics.mean(
            (grants["receipts_per_s"], more["receipts_per_s"])),
        "grant_p99_ms": more["grant_p99_ms"],
        **table,
    }


def measure_imports(programs, scratch, options):
    say(f"imports: files of {options.imports:,} receipts")
    scratch = scratch / "imports"
    scratch.mkdir()
    service = Service(programs, scratch, options.imports)
    try:
        return service.bench("imports", program=programs / "tacit-consent")
    finally:
        service.stop()


def measure_checks(service, options):
    keys = {}
    rounds = []
    for number in range(options.rounds):
        say(f"checks: round {number + 1} of {options.rounds}")
        before = cpu_seconds(service.process.pid)
        batched = service.bench("checks", in_flight=4, batch=1_000, measure_ms=options.measure_ms)
        cpu = cpu_seconds(service.process.pid) - before
        one = service.bench("checks", in_flight=1, measure_ms=options.measure_ms)
        many = service.bench("checks", in_flight=256, measure_ms=options.measure_ms)
        rounds.append((batched["checks_total"] / cpu, batched["checks_per_s"], one["call_p50_us"],
                       one["call_p99_us"], many["checks_per_s"]))
    names = ("checks_per_s_batched", "checks_per_s_batched_wall", "check_p50_us", "check_p99_us",
             "checks_per_s_256_in_flight")
    for name, values in zip(names, zip(*rounds)):
        keys[name] = statistics.median(values)
    return keys


def measure_withdrawals(service, options):
    gates = [Gate(service, name, options.reads_per_s) for name in GATES]
    say(f"withdrawals: {options.withdrawals} with three live gates, {options.reads_per_s:,} reads "
        "in a second at each")
    live = service.bench("withdrawals", people=options.withdrawals)
    first = options.withdrawals
    stopped = []
    say(f"withdrawals: {options.stops} times with one gate stopped")
    for number in range(options.stops):
        gates[number % 3].send(signal.SIGSTOP)
        stopped.append(service.bench("withdrawals", people=3, **{"from": first}))
        gates[number % 3].send(signal.SIGCONT)
        first += 3
        # Long enough for the gate to attend again.
        time.sleep(0.3)
    reads = [gate.stop() for gate in gates]
    return {
        "withdraw_p50_ms": live["withdraw_p50_ms"],
        "withdraw_p99_ms": live["withdraw_p99_ms"],
        "withdraw_live_worst_ms": live["withdraw_worst_ms"],
        "withdraw_worst_ms": max(part["withdraw_worst_ms"] for part in stopped),
        "withdraw_gates_lapsed": sum(part["gates_lapsed"] for part in stopped),
        "reads_under_withdrawals": sum(part["admitted"] + part["withheld"] for part in reads),
    }


def measure_log(programs, scratch, options):
    say("log: entries and checkpoints")
    return run(programs / "audit-log-bench", "--seconds", options.log_seconds, "--directory",
               scratch)


def measure_proofs(programs, scratch, options):
    say(f"proofs: at {options.proof_receipts:,} receipts")
    return run(programs / "consent-proof-bench", "--receipts", options.proof_receipts,
               "--directory", scratch)


def measure_histories(programs, scratch, options):
    say(f"histories: {options.histories:,} from seed {options.first_seed}")
    out = scratch / "histories.json"
    done = subprocess.run(
        [programs / "consent-histories", "--count", str(options.histories), "--from",
         str(options.first_seed), "--json", out], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    if done.returncode == 1:
        print(done.stdout)
    found = json.loads(out.read_text())
    return {key: found[key] for key in ("histories", "violations", "withdrawals", "reads")}


# --- PostgreSQL -----------------------------------------------------------------------------------

# A receipt in the form of the seed, as an application keeps it that asks SQL for consent. pgbench
# takes what follows a colon for a variable, so the hashes have none.
SCHEMA = """
CREATE TABLE consent_receipts (
  consent_id text PRIMARY KEY,
  user_id_hashed text NOT NULL,
  scopes text[] NOT NULL,
  granted_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  source text NOT NULL,
  version integer NOT NULL
);
INSERT INTO consent_receipts
  SELECT 'c_' || lpad(n::text, 26, '0'), 'hmac-sha256-' || lpad(n::text, 64, '0'),
    ARRAY['product_recs'], now() - interval '1 hour', now() + interval '1 year', NULL,
    'web-portal:v2', 1
  FROM generate_series(1, {people}) AS n;
CREATE INDEX ON consent_receipts (user_id_hashed, granted_at DESC);
VACUUM ANALYZE consent_receipts;
"""
CHECK = r"""
\set n random(1, {people})
SELECT 'product_recs' = ANY(scopes) AND revoked_at IS NULL AND expires_at > now()
  FROM consent_receipts
  WHERE user_id_hashed = 'hmac-sha256-' || lpad(CAST(:n AS bigint)::text, 64, '0')
  ORDER BY granted_at DESC LIMIT 1;
"""


class PostgreSQL:
    """A server of its own on a socket in a directory of its own."""

    def __init__(self, programs, people):
        self.programs = programs
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tacit-pg-"))
        # The server refuses to run as root.
        self.user = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            self.user = ["runuser", "-u", "postgres", "--"]
        self.call("initdb", "--pgdata", self.directory / "data", "--auth", "trust", "--no-sync")
        self.call("pg_ctl", "start", "--wait", "--pgdata", self.directory / "data", "--log",
                  self.directory / "log", "--options",
                  f"-c listen_addresses='' -c unix_socket_directories={self.directory} "
                  "-c shared_buffers=512MB")
        self.script = self.directory / "check.sql"
        self.script.write_text(CHECK.format(people=people))

    def fill(self, people):
        self.sql(SCHEMA.format(people=people))

    def call(self, program, *words, stdin=None):
        done = subprocess.run([*self.user, self.programs / program, *map(str, words)],
                              input=stdin, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise SystemExit(f"{program}: {done.stderr}")
        return done.stdout

    def sql(self, text):
        self.call("psql", "--host", self.directory, "--dbname", "postgres", "--quiet",
                  "--set", "ON_ERROR_STOP=1", stdin=text)

    def checks(self, connections, seconds):
        """Checks in a second, prepared once for each connection."""
        out = self.call("pgbench", "--host", self.directory, "--no-vacuum", "--protocol",
                        "prepared", "--client", connections, "--jobs", 1, "--time", seconds,
                        "--file", self.script, "postgres")
        return float(re.search(r"tps = ([0-9.]+)", out)[1])

    def stop(self):
        self.call("pg_ctl", "stop", "--wait", "--mode", "fast", "--pgdata",
                  self.directory / "data")
        shutil.rmtree(self.directory, ignore_errors=True)


def measure_postgres(service, programs, options):
    say("postgres: filling")
    peer = PostgreSQL(pathlib.Path(programs), service.people)
    try:
        peer.fill(service.people)
        seconds = max(1, options.measure_ms // 1_000)
        peer.checks(8, 1)
        ratios, best = [], []
        for number in range(options.rounds):
            say(f"postgres: round {number + 1} of {options.rounds}")
            # Each in its best mode.
            theirs = max(peer.checks(connections, seconds) for connections in (8, 16, 64))
            ours = max(
                service.bench("checks", in_flight=calls, measure_ms=1_000 * seconds)["checks_per_s"]
                for calls in (64, 256))
            best.append(theirs)
            ratios.append(ours / theirs)
        one = peer.checks(1, seconds)
    finally:
        peer.stop()
    return {
        "vs_postgres_checks": statistics.median(ratios),
        "postgres_checks_per_s": statistics.median(best),
        "postgres_check_mean_us": 1e6 / one,
    }


# --- The report -----------------------------------------------------------------------------------


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swift-programs", required=True)
    parser.add_argument("--postgres", help="the directory of PostgreSQL's programs")
    parser.add_argument("--scratch", help="where the store goes: a file system on a disk")
    parser.add_argument("--only", dest="parts", default=",".join(PARTS),
                        type=lambda text: text.split(","), help="parts: " + ",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--imports", type=int, default=500_000)
    parser.add_argument("--measure-ms", type=int, default=2_000)
    parser.add_argument("--withdrawals", type=int, default=2_000)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--reads-per-s", type=int, default=20_000)
    parser.add_argument("--log-seconds", type=float, default=5)
    parser.add_argument("--proof-receipts", type=int, default=1_000_000)
    parser.add_argument("--histories", type=int, default=1_000_000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--out", default=str(ROOT / "var" / "bench" / "consent.json"))
    parser.add_argument("--strict", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    programs = pathlib.Path(options.swift_programs).resolve()
    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(
        tempfile.mkdtemp(prefix="consent-", dir=options.scratch or out.parent))
    keys = {}
    parts = set(options.parts)
    try:
        if "imports" in parts:
            keys |= measure_imports(programs, scratch, options)
        if parts & {"receipts", "checks", "withdrawals", "postgres"}:
            service = Service(programs, scratch, options.people)
            try:
                # The others stand on what this one records.
                receipts = measure_receipts(service, options)
                if "receipts" in parts:
                    keys |= receipts
                if "checks" in parts:
                    keys |= measure_checks(service, options)
                if "postgres" in parts:
                    if options.postgres:
                        keys |= measure_postgres(service, options.postgres, options)
                    else:
                        say("without PostgreSQL")
                if "withdrawals" in parts:
                    keys |= measure_withdrawals(service, options)
            finally:
                service.stop()
        if "log" in parts:
            keys |= measure_log(programs, scratch, options)
        if "proofs" in parts:
            keys |= measure_proofs(programs, scratch, options)
        if "histories" in parts:
            keys |= measure_histories(programs, scratch, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    keys = {key: round(value, 4) for key, value in keys.items()}
    out.write_text(json.dumps(keys, indent=2) + "\n")
    missed = verdicts("consent", keys)
    print(f"\nwritten to {out}")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
