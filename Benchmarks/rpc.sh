#!/usr/bin/env bash
# Builds both ends of every contender of the RPC benchmark and runs it.
#   rpc.sh [--rounds N] [--measure-ms T] [--strict] [--out FILE]
#
# Peers that cannot be built are left out and say so: gRPC C++ comes from Debian (installed here,
# as root only), grpc-swift from its own package in Peers/GRPCSwift.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${BENCH_SCRATCH:-$PWD/.build/bench}
swift_scratch=${BENCH_SWIFT_SCRATCH:-$PWD/.build}
mkdir -p "$out/c" "$out/generated"

say() { echo "bench-rpc: $*" >&2; }

# shellcheck source=Benchmarks/peers.sh
source Benchmarks/peers.sh

for program in echo load; do
  gcc -O3 -std=gnu11 -Wall -Wextra -Werror -o "$out/c/$program" "Benchmarks/RPC/C/$program.c"
done
generated=Protos/Generated/C
gcc -O3 -std=gnu11 -DPROTOBUF_C -I "$generated/include" -o "$out/c/echo-protobuf-c" \
  Benchmarks/RPC/C/echo.c "$generated/wire/v1/frame.pb-c.c" "$generated/bench/v1/echo.pb-c.c" \
  "$generated/options/v1/options.pb-c.c" "$generated/google/protobuf/descriptor.pb-c.c" \
  -lprotobuf-c
gcc -O2 -shared -fPIC -Wall -Wextra -o "$out/c/count-allocations.so" \
  Benchmarks/RPC/C/count-allocations.c

rm -f "$out/c/grpc-cpp-server" "$out/c/grpc-cpp-client"
if install_debian 'gRPC C++' libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc \
  protobuf-compiler; then
  protoc --proto_path Benchmarks/Peers --cpp_out="$out/generated" --grpc_out="$out/generated" \
    --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" echo.proto
  for program in server client; do
    # shellcheck disable=SC2046
    g++ -O2 -std=c++17 -I "$out/generated" -o "$out/c/grpc-cpp-$program" \
      "Benchmarks/Peers/GRPCCpp/$program.cc" "$out"/generated/*.cc \
      $(pkg-config --cflags --libs grpc++ protobuf)
  done
fi

arguments=()
if swift build -c release --package-path Benchmarks/Peers/GRPCSwift \
  --scratch-path "$out/grpc-swift" >&2; then
  arguments+=(--grpc-swift "$out/grpc-swift/release")
else
  say "without grpc-swift: it does not build here"
fi

for product in rpc-bench-server rpc-bench-client; do
  swift build -c release --scratch-path "$swift_scratch" --product "$product" >&2
done

exec python3 -B Benchmarks/RPC/bench_rpc.py --c-programs "$out/c" \
  --swift-programs "$swift_scratch/release" "${arguments[@]}" "$@"
