#!/usr/bin/env bash
# Builds the identity vault's benchmarks and runs them.
#   vault.sh [--people N] [--seconds S] [--erased N] [--rekeyed N] [--strict] [--out FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
swift_scratch=${BENCH_SWIFT_SCRATCH:-$PWD/.build}
products=(vault-bench vault-oblivious-bench rekey-bench tacit tacit-consent tacit-vault tacit-features tacit-trainer
  tacit-vectors)
for product in "${products[@]}"; do
  swift build -c release --scratch-path "$swift_scratch" --product "$product" >&2
done
# Debian's own Python has the protobuf library that the reads beside the erasures need.
exec /usr/bin/python3 -B Benchmarks/Vault/bench_vault.py --swift-programs "$swift_scratch/release" "$@"
