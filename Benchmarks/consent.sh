#!/usr/bin/env bash
# Builds the consent service's benchmark and runs it.
#   consent.sh [--only withdrawals,checks,…] [--people N] [--histories N] [--strict] [--out FILE]
#
# PostgreSQL comes from Debian (installed here, as root only); without it the comparison is left
# out and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
swift_scratch=${BENCH_SWIFT_SCRATCH:-$PWD/.build}

say() { echo "bench-consent: $*" >&2; }

# shellcheck source=Benchmarks/peers.sh
source Benchmarks/peers.sh

arguments=()
if install_debian PostgreSQL postgresql; then
  postgres=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort --version-sort | tail -1)
  arguments+=(--postgres "$postgres")
fi

for product in tacit tacit-consent consent-bench consent-proof-bench consent-histories \
  audit-log-bench; do
  swift build -c release --scratch-path "$swift_scratch" --product "$product" >&2
done

exec python3 -B Benchmarks/Consent/bench_consent.py \
  --swift-programs "$swift_scratch/release" "${arguments[@]}" "$@"
