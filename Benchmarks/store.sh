#!/usr/bin/env bash
# Builds the store's benchmark and its peers, and runs it.
#   store.sh [--only writes,gets] [--rounds N] [--kill-points N] [--seed N] [--strict] [--out FILE]
#
# Peers that cannot be built are left out and say so; they come from Debian (installed here, as
# root only).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${BENCH_SCRATCH:-$PWD/.build/bench}
swift_scratch=${BENCH_SWIFT_SCRATCH:-$PWD/.build}
mkdir -p "$out/stores"

say() { echo "bench-store: $*" >&2; }

# shellcheck source=Benchmarks/peers.sh
source Benchmarks/peers.sh

rm -f "$out"/stores/*
strict=(-O2 -Wall -Wextra -Werror)
if install_debian LMDB liblmdb-dev; then
  gcc "${strict[@]}" -std=gnu11 -o "$out/stores/lmdb" Benchmarks/Peers/Stores/lmdb.c -llmdb
fi
if install_debian SQLite libsqlite3-dev; then
  gcc "${strict[@]}" -std=gnu11 -o "$out/stores/sqlite" Benchmarks/Peers/Stores/sqlite.c -lsqlite3
fi
if install_debian RocksDB librocksdb-dev; then
  g++ "${strict[@]}" -std=c++17 -o "$out/stores/rocksdb" Benchmarks/Peers/Stores/rocksdb.cc \
    -lrocksdb
fi

for product in store-bench StoreCrashWriter; do
  swift build -c release --scratch-path "$swift_scratch" --product "$product" >&2
done

exec python3 -B Benchmarks/Store/bench_store.py --peers "$out/stores" \
  --swift-programs "$swift_scratch/release" "$@"
