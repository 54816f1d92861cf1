#!/usr/bin/env python3
"""Measures the identity vault beside OpenSSL's own HMAC; writes var/bench/vault.json.

Run it through `make bench-vault`, which builds what is needed. With --strict the exit code is 1
when a threshold of Benchmarks/thresholds.json is missed or not measured.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import erasures  # noqa: E402
from thresholds import verdicts  # noqa: E402

# About as long as a canonical e-mail address.
HMAC_BYTES = 64


def run(*command):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.returncode} {done.stderr.strip()}")
    return done.stdout


def openssl_hmacs_per_second(seconds):
    """HMAC-SHA256 codes of one core in a second, as `openssl speed` counts them."""
    text = run("openssl", "speed", "-mr", "-seconds", max(1, round(seconds)), "-bytes", HMAC_BYTES,
               "-hmac", "sha256")
    # +F:number:hmac(sha256):bytes per second
    for line in text.splitlines():
        if line.startswith("+F:"):
            return float(line.rsplit(":", 1)[1]) / HMAC_BYTES
    raise SystemExit(f"openssl speed says nothing of HMAC: {text}")


def rekeying(programs, people, seconds):
    """A feature store moves rows to new pids: as fast as it goes, and at the default pace."""
    def measure(*words):
        return json.loads(run(
            programs / "rekey-bench", "--people", people, "--seconds", seconds, *words))

    fast = measure("--pace", 0)
    paced = measure()
    return {
        "rekey_rows_per_s": paced["rekey_rows_per_s"],
        "rekey_full_pace_rows_per_s": fast["rekey_rows_per_s"],
        "rekey_full_pace_read_p99_ratio": fast["rekey_read_p99_ratio"],
        "rekey_renamings_noted_per_s": fast["rekey_renamings_noted_per_s"],
        "rekey_read_p99_ratio": paced["rekey_read_p99_ratio"],
        "rekey_read_p99_us": paced["rekey_read_p99_us"],
        "rekey_quiet_p99_us": paced["rekey_quiet_p99_us"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift-programs", required=True)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--erased", type=int, default=10_000, help="people of the mass erasure; 0: none")
    parser.add_argument("--rekeyed", type=int, default=20_000,
                        help="people whose 50 rows move to new pids; 0: none")
    parser.add_argument("--out", default=str(ROOT / "var" / "bench" / "vault.json"))
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    programs = pathlib.Path(options.swift_programs).resolve()

    vault = json.loads(run(
        programs / "vault-bench", "--people", options.people, "--seconds", options.seconds))
    limit = openssl_hmacs_per_second(options.seconds)
    oblivious = json.loads(run(programs / "vault-oblivious-bench", 1024, options.seconds))
    keys = {
        "pseudonymize_per_s_core": vault["lookups_per_s"],
        "pseudonymize_per_s_wire": vault["wire_lookups_per_s"],
        "pseudonymize_p99_us": vault["wire_single_p99_us"],
        "hmac_limit_ratio": vault["pids_per_s"] / limit,
        "openssl_hmacs_per_s": limit,
    }
    keys |= {key: vault[key] for key in
             ("pids_per_s", "single_lookups_per_s", "wire_single_p50_us", "distinct_sketch_ns")}
    keys |= {key: value for key, value in oblivious.items() if key != "batch"}
    keys["subject_key_bytes"] = vault["subject_key_bytes"]
    if options.erased:
        keys |= erasures.measure(
            programs, options.people, options.erased, lambda text: print(text, file=sys.stderr))
    if options.rekeyed:
        keys |= rekeying(programs, options.rekeyed, options.seconds)
    keys = {key: round(value, 4) for key, value in keys.items()}
    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(keys, indent=2) + "\n")
    missed = verdicts("vault", keys)
    print(f"\nwritten to {out}")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
