#!/usr/bin/env python3
"""Measures the sealed store beside plain LMDB, RocksDB and SQLite; writes var/bench/store.json.

Every contender is a process of its own on files of its own, all on one file system. Each has a
store of a million rows, loaded once; a round works on a fresh copy of it. The contenders take
turns in every round, and a ratio is the median of the ratios of the rounds.

Run it through `make bench-store`, which builds what is needed. With --strict the exit code is 1
when a threshold of Benchmarks/thresholds.json is missed.
"""

import argparse
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from thresholds import verdicts  # noqa: E402

PARTS = ("writes", "sustained", "gets", "replay", "reseal", "kills")


def say(text):
    print(f"bench-store: {text}", file=sys.stderr)


def run(command, killed=False):
    """The JSON that a program printed last; `killed` when it is to end itself by a signal."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != (-9 if killed else 0):
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode} {done.stderr.strip()}")
    return None if killed else json.loads(done.stdout.strip().splitlines()[-1])


class Contender:
    """One store's program and its million rows."""

    def __init__(self, name, program, scratch, rows):
        self.name, self.program, self.rows = name, program, rows
        self.loaded = scratch / name / "loaded"
        self.work = scratch / name / "work"
        self.runs = {}

    def load(self):
        say(f"loading {self.rows:,} rows into {self.name}")
        self.loaded.mkdir(parents=True)
        run([self.program, "load", self.loaded, "--rows", self.rows])

    def measure(self, scene, command, killed=False, fresh=True, **options):
        """Runs one command, on a fresh copy of the loaded rows, with nothing left to write out."""
        if fresh:
            shutil.rmtree(self.work, ignore_errors=True)
            subprocess.run(["cp", "-r", "--sparse=always", self.loaded, self.work], check=True)
            subprocess.run(["sync"], check=True)
        words = [self.program, command, self.work]
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), value]
        result = run(words, killed)
        if result is not None:
            self.runs.setdefault(scene, []).append(result)
        return result

    def drop(self):
        shutil.rmtree(self.work, ignore_errors=True)

    def median(self, scene, key):
        return statistics.median(run[key] for run in self.runs[scene])


def ratio(scene, key, ours, theirs):
    return statistics.median(
        a[key] / b[key] for a, b in zip(ours.runs[scene], theirs.runs[scene])
    )


# --- The parts ------------------------------------------------------------------------------------


def measure_writes(ours, peers, options):
    for number in range(options.rounds):
        say(f"writes: round {number + 1} of {options.rounds}")
        result = ours.measure("writes", "writes", rows=ours.rows, callers=options.callers,
                              measure_ms=options.measure_ms)
        # The peers get what our callers' waiting made of it: as many rows to a commit.
        group = max(1, round(result["group"]))
        ours.drop()
        for peer in peers:
            peer.measure("writes", "writes", rows=peer.rows, group=group,
                         measure_ms=options.measure_ms)
            peer.drop()


def measure_sustained(ours, options):
    say(f"sustained writes: {options.sustained_s} s")
    ours.measure("sustained", "writes", rows=ours.rows, callers=options.callers,
                 measure_ms=options.sustained_s * 1_000)
    ours.drop()


def measure_gets(ours, peers, options):
    contenders = [ours, *peers]
    for number in range(options.rounds):
        say(f"gets: round {number + 1} of {options.rounds}")
        for contender in contenders:
            contender.measure("gets", "gets", fresh=number == 0, rows=contender.rows,
                              measure_ms=options.measure_ms // 2)
        for scene, extra in (("gets, 100 to a snapshot", {"per_read": 100}),
                             ("gets, 2 threads", {"threads": 2})):
            ours.measure(scene, "gets", fresh=False, rows=ours.rows,
                         measure_ms=options.measure_ms // 2, **extra)
    for contender in contenders:
        contender.drop()


def measure_replay(ours, options):
    for number in range(options.rounds):
        say(f"replay: round {number + 1} of {options.rounds}")
        ours.measure("tail", "tail", killed=True, rows=options.tail_rows)
        ours.measure("replay", "replay", fresh=False, rows=options.tail_rows)
        ours.drop()


def measure_reseal(ours, options):
    for number in range(options.rounds):
        say(f"reseal: round {number + 1} of {options.rounds}")
        ours.measure("reseal", "reseal", rows=ours.rows)
        ours.drop()


def measure_kills(program, scratch, options):
    """Kills the writer at random moments from its start on; answers what was lost."""
    chance = random.Random(options.seed)
    found = {"acknowledged": 0, "lost": 0}
    directory = scratch / "kills"
    lines = []
    for point in range(options.kill_points):
        # A store lives through so many crashes before the next one is begun.
        if point % 25 == 0:
            shutil.rmtree(directory, ignore_errors=True)
            lines = []
            say(f"kills: {point} of {options.kill_points}")
        with open(scratch / "acknowledged", "w+b") as output:
            writer = subprocess.Popen([program, directory, str(point * 1_000_000)], stdout=output)
            time.sleep(chance.uniform(0, options.kill_within_ms) / 1_000)
            writer.kill()
            writer.wait()
            output.seek(0)
            # A line that the kill cut off says nothing.
            lines += output.read().decode().split("\n")[:-1]
        checked = subprocess.run([program, directory, "check"], input="\n".join(lines) + "\n",
                                 capture_output=True, text=True)
        if checked.returncode != 0:
            raise SystemExit(f"kill {point} of seed {options.seed} left a store that is not whole: "
                             f"{checked.stdout} {checked.stderr}")
        answer = json.loads(checked.stdout)
        found["lost"] += answer["lost"]
        if (point + 1) % 25 == 0 or point + 1 == options.kill_points:
            found["acknowledged"] += answer["acknowledged"]
    shutil.rmtree(directory, ignore_errors=True)
    return found


# --- The report -----------------------------------------------------------------------------------


def keys_of(ours, peers, kills, options):
    keys = {}
    if "writes" in options.parts:
        keys["durable_writes_per_s"] = ours.median("writes", "writes_per_s")
        keys["commit_p99_ms"] = ours.median("writes", "p99_ms")
        for peer in peers:
            keys[f"vs_{peer.name}"] = ratio("writes", "writes_per_s", ours, peer)
    if "sustained" in options.parts:
        keys["durable_sustained_per_s"] = ours.median("sustained", "writes_per_s")
        keys["sustained_p99_ms"] = ours.median("sustained", "p99_ms")
    if "gets" in options.parts:
        keys["gets_per_s"] = ours.median("gets", "gets_per_s")
        keys["gets_100_to_a_snapshot_per_s"] = ours.median("gets, 100 to a snapshot", "gets_per_s")
        keys["gets_2_threads_per_s"] = ours.median("gets, 2 threads", "gets_per_s")
    if "replay" in options.parts:
        keys["replay_rows_per_s"] = ours.median("replay", "replay_rows_per_s")
    if "reseal" in options.parts:
        for key in ("reseal_rows_per_s", "reseal_get_p99_us", "quiet_get_p99_us"):
            keys[key] = ours.median("reseal", key)
    if kills is not None:
        keys["lost_acknowledged_writes"] = kills["lost"]
        keys["kill_points"] = options.kill_points
        keys["kill_acknowledged_writes"] = kills["acknowledged"]
    return {key: round(value, 4) for key, value in keys.items()}


def table(contenders):
    """The medians of every scene."""
    lines = []
    scenes = dict.fromkeys(scene for c in contenders for scene in c.runs)
    for scene in scenes:
        lines.append(scene)
        for c in (c for c in contenders if scene in c.runs):
            cells = [f"{key} {c.median(scene, key):,.2f}" for key in c.runs[scene][0]]
            lines.append(f"  {c.name:10}" + "  ".join(cells))
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swift-programs", required=True)
    parser.add_argument("--peers", required=True, help="the directory of the peers' programs")
    parser.add_argument("--scratch", help="where the stores go: a file system on a disk")
    parser.add_argument("--only", dest="parts", default=",".join(PARTS),
                        type=lambda text: text.split(","), help="parts: " + ",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--callers", type=int, default=512)
    parser.add_argument("--measure-ms", type=int, default=5_000)
    parser.add_argument("--sustained-s", type=int, default=60)
    parser.add_argument("--tail-rows", type=int, default=400_000)
    parser.add_argument("--kill-points", type=int, default=1_000)
    parser.add_argument("--kill-within-ms", type=int, default=120)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--out", default=str(ROOT / "var" / "bench" / "store.json"))
    parser.add_argument("--strict", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    swift, peer_programs = pathlib.Path(options.swift_programs), pathlib.Path(options.peers)
    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the report, for a temporary directory may be memory only, where a sync costs nothing.
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="store-", dir=options.scratch or out.parent))
    ours = Contender("sealed", swift / "store-bench", scratch, options.rows)
    peers = [Contender(name, peer_programs / name, scratch, options.rows)
             for name in ("lmdb", "rocksdb", "sqlite") if (peer_programs / name).exists()]
    kills = None
    print(f"seed {options.seed}, kill points {options.kill_points}")
    try:
        if set(options.parts) != {"kills"}:
            for contender in [ours, *(peers if {"writes", "gets"} & set(options.parts) else [])]:
                contender.load()
        if "writes" in options.parts:
            measure_writes(ours, peers, options)
        if "sustained" in options.parts:
            measure_sustained(ours, options)
        if "gets" in options.parts:
            measure_gets(ours, peers, options)
        if "replay" in options.parts:
            measure_replay(ours, options)
        if "reseal" in options.parts:
            measure_reseal(ours, options)
        if "kills" in options.parts:
            kills = measure_kills(swift / "StoreCrashWriter", scratch, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    keys = keys_of(ours, peers, kills, options)
    detail = {c.name: c.runs for c in [ours, *peers]}
    out.write_text(json.dumps(
        {**keys, "seed": options.seed, "rounds": options.rounds, "runs": detail}, indent=2) + "\n")
    print(table([ours, *peers]))
    print()
    missed = verdicts("store", keys)
    print(f"\nwritten to {out}")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
