// The load of Benchmarks/RPC/Client with gRPC C++: N calls in flight on each of M connections,
// then one line of JSON. One call in flight is made the blocking way, which is gRPC's quickest.
//   client --port P [--connections M] [--in-flight N] [--payload BYTES] [--warmup-ms W]
//          [--measure-ms T] [--tls DIRECTORY]
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "echo.grpc.pb.h"
#include "tls.h"

using Clock = std::chrono::steady_clock;
using tacit::bench::v1::Echo;
using tacit::bench::v1::EchoReply;
using tacit::bench::v1::EchoRequest;

static std::atomic<int> phase{0};  // 0 before, 1 during, 2 after the measurement
static int sample_interval = 1;

struct Tally {
  uint64_t calls = 0, calls_total = 0;
  std::vector<uint32_t> latencies;

  bool is_sampled() const { return calls_total % sample_interval == 0; }

  void note(bool is_sampled, Clock::time_point start) {
    calls_total++;
    if (phase.load(std::memory_order_relaxed) != 1) return;
    calls++;
    if (is_sampled)
      latencies.push_back(static_cast<uint32_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count()));
  }
};

static void set_deadline(grpc::ClientContext &context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
}

static void check(const grpc::Status &status, const EchoRequest &request, const EchoReply &reply) {
  if (status.ok() && reply.payload().size() == request.payload().size()) return;
  std::fprintf(stderr, "a call failed: %s\n", status.error_message().c_str());
  std::exit(1);
}

struct AsyncCall {
  Echo::Stub *stub;
  std::unique_ptr<grpc::ClientContext> context;
  EchoReply reply;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<EchoReply>> reader;
  bool is_sampled = false;
  Clock::time_point start;

  void begin(const EchoRequest &request, grpc::CompletionQueue *queue, bool sampled) {
    context = std::make_unique<grpc::ClientContext>();
    set_deadline(*context);
    is_sampled = sampled;
    if (sampled) start = Clock::now();
    reader = stub->AsyncEcho(context.get(), request, queue);
    reader->Finish(&reply, &status, this);
  }
};

static void run_async(std::vector<std::unique_ptr<Echo::Stub>> &stubs, int in_flight,
                      const EchoRequest &request, Tally &tally) {
  grpc::CompletionQueue queue;
  size_t open = 0;
  std::vector<std::unique_ptr<AsyncCall>> calls;
  for (auto &stub : stubs) {
    for (int i = 0; i < in_flight; i++) {
      calls.push_back(std::make_unique<AsyncCall>());
      calls.back()->stub = stub.get();
      calls.back()->begin(request, &queue, tally.is_sampled());
      open++;
    }
  }
  void *tag;
  bool ok;
  while (open > 0 && queue.Next(&tag, &ok)) {
    auto *call = static_cast<AsyncCall *>(tag);
    check(call->status, request, call->reply);
    tally.note(call->is_sampled, call->start);
    if (phase.load(std::memory_order_relaxed) < 2) {
      call->begin(request, &queue, tally.is_sampled());
    } else {
      open--;
    }
  }
  queue.Shutdown();
}

static void run_blocking(Echo::Stub &stub, const EchoRequest &request, Tally &tally) {
  while (phase.load(std::memory_order_relaxed) < 2) {
    grpc::ClientContext context;
    set_deadline(context);
    EchoReply reply;
    auto start = Clock::now();
    check(stub.Echo(&context, request, &reply), request, reply);
    tally.note(true, start);
  }
}

int main(int count, char **arguments) {
  std::map<std::string, int> options = {
      {"--port", 0},          {"--connections", 1},  {"--in-flight", 128}, {"--payload", 64},
      {"--warmup-ms", 300},   {"--measure-ms", 1000}};
  auto credentials = grpc::InsecureChannelCredentials();
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::string(arguments[i]) == "--tls") {
      Material material(arguments[i + 1]);
      credentials =
          grpc::SslCredentials({material.authority, material.key, material.certificate});
      continue;
    }
    if (!options.count(arguments[i])) return std::fprintf(stderr, "unknown: %s\n", arguments[i]), 2;
    options[arguments[i]] = std::atoi(arguments[i + 1]);
  }
  alarm(static_cast<unsigned>((options["--warmup-ms"] + options["--measure-ms"]) / 1000 + 15));
  if (options["--connections"] * options["--in-flight"] > 16) sample_interval = 16;
  std::vector<std::unique_ptr<Echo::Stub>> stubs;
  for (int i = 0; i < options["--connections"]; i++) {
    grpc::ChannelArguments channel;
    channel.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stubs.push_back(Echo::NewStub(grpc::CreateCustomChannel(
        "127.0.0.1:" + std::to_string(options["--port"]), credentials, channel)));
  }
  EchoRequest request;
  request.set_payload(std::string(static_cast<size_t>(options["--payload"]), 'a'));
  Tally tally;
  bool is_single = options["--in-flight"] == 1 && options["--connections"] == 1;
  std::thread worker([&] {
    if (is_single) run_blocking(*stubs[0], request, tally);
    else run_async(stubs, options["--in-flight"], request, tally);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(options["--warmup-ms"]));
  phase = 1;
  auto start = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(options["--measure-ms"]));
  phase = 2;
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  worker.join();
  std::sort(tally.latencies.begin(), tally.latencies.end());
  auto quantile = [&](double share) {
    if (tally.latencies.empty()) return 0.0;
    auto index = static_cast<size_t>(static_cast<double>(tally.latencies.size()) * share);
    return tally.latencies[std::min(index, tally.latencies.size() - 1)] / 1000.0;
  };
  std::printf("{\"calls\": %llu, \"calls_total\": %llu, \"seconds\": %.6f, \"calls_per_s\": %.1f, "
              "\"p50_us\": %.3f, \"p99_us\": %.3f}\n",
              static_cast<unsigned long long>(tally.calls),
              static_cast<unsigned long long>(tally.calls_total), seconds,
              static_cast<double>(tally.calls) / seconds, quantile(0.5), quantile(0.99));
}
