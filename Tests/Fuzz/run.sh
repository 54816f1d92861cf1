#!/usr/bin/env bash
# Feeds every decoder with whatever libFuzzer thinks of, for SECONDS each (60 by default). What it
# finds is kept in var/fuzz; a crash ends the run with the input's path.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${SECONDS_EACH:-60}
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")
TACIT_FUZZER_LIBRARY=$toolchain/lib/swift/clang/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a
[[ -f $TACIT_FUZZER_LIBRARY ]] || { echo "no libFuzzer at $TACIT_FUZZER_LIBRARY" >&2; exit 1; }
# A crash must end the process, not begin a long backtrace.
export TACIT_FUZZER_LIBRARY SWIFT_BACKTRACE=enable=no
for target in ${TARGETS:-frames messages connection log formats}; do
  export TACIT_ONLY=fuzz-$target
  echo "== $TACIT_ONLY, $seconds s"
  swift build -c release --scratch-path .build-fuzz --product "$TACIT_ONLY"
  mkdir -p "var/fuzz/$target"
  program=$(swift build -c release --scratch-path .build-fuzz --show-bin-path)/$TACIT_ONLY
  "$program" \
    -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="var/fuzz/$target-" "var/fuzz/$target" "Tests/Fuzz/Corpus/$target"
done
