// gRPC C++ in each of its server modes; says "listening PORT" and answers until it is stopped.
//   server sync | async THREADS | callback  [--tls DIRECTORY]
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "echo.grpc.pb.h"
#include "tls.h"

using tacit::bench::v1::Echo;
using tacit::bench::v1::EchoReply;
using tacit::bench::v1::EchoRequest;

class SyncEcho final : public Echo::Service {
  grpc::Status Echo(grpc::ServerContext *, const EchoRequest *request, EchoReply *reply) override {
    reply->set_payload(request->payload());
    return grpc::Status::OK;
  }
};

class CallbackEcho final : public Echo::CallbackService {
  grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context, const EchoRequest *request,
                                 EchoReply *reply) override {
    reply->set_payload(request->payload());
    auto *reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// One call of the asynchronous server, used once for a request and once for its end.
struct AsyncCall {
  Echo::AsyncService *service;
  grpc::ServerCompletionQueue *queue;
  grpc::ServerContext context;
  EchoRequest request;
  EchoReply reply;
  grpc::ServerAsyncResponseWriter<EchoReply> writer{&context};
  bool is_finished = false;

  AsyncCall(Echo::AsyncService *service, grpc::ServerCompletionQueue *queue)
      : service(service), queue(queue) {
    service->RequestEcho(&context, &request, &writer, queue, queue, this);
  }

  void proceed(bool ok) {
    if (is_finished || !ok) {
      delete this;
      return;
    }
    new AsyncCall(service, queue);
    reply.set_payload(request.payload());
    is_finished = true;
    writer.Finish(reply, grpc::Status::OK, this);
  }
};

int main(int count, char **arguments) {
  alarm(900);
  std::string mode = count > 1 ? arguments[1] : "sync";
  int thread_count = mode == "async" && count > 2 ? std::atoi(arguments[2]) : 1;
  auto credentials = grpc::InsecureServerCredentials();
  if (count > 3 && std::string(arguments[count - 2]) == "--tls") {
    Material material(arguments[count - 1]);
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = material.authority;
    options.pem_key_cert_pairs.push_back({material.key, material.certificate});
    credentials = grpc::SslServerCredentials(options);
  }
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  SyncEcho sync;
  CallbackEcho callback;
  Echo::AsyncService async;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  if (mode == "sync") {
    builder.RegisterService(&sync);
  } else if (mode == "callback") {
    builder.RegisterService(&callback);
  } else {
    builder.RegisterService(&async);
    for (int i = 0; i < thread_count; i++) queues.push_back(builder.AddCompletionQueue());
  }
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("listening %d\n", port);
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (auto &queue : queues) {
    threads.emplace_back([&async, &queue] {
      for (int i = 0; i < 512; i++) new AsyncCall(&async, queue.get());
      void *tag;
      bool ok;
      while (queue->Next(&tag, &ok)) static_cast<AsyncCall *>(tag)->proceed(ok);
    });
  }
  server->Wait();
}
