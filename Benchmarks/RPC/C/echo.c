// The physical limit: an epoll loop in one thread that answers each CALL with a REPLY that carries
// the same payload, and checks nothing.
//   echo [seconds-max]      prints "listening PORT"
//
// With -DPROTOBUF_C frames and messages go through protobuf-c, in memory that is handed out by
// moving a pointer: what the codec costs that a schema asks for, and nothing else.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#ifdef PROTOBUF_C
#include "bench/v1/echo.pb-c.h"
#include "wire/v1/frame.pb-c.h"
#endif

enum { IN_SIZE = 1 << 18, OUT_SIZE = 1 << 20 };

typedef struct {
  int socket;
  size_t in_size, out_start, out_size;
  uint8_t in[IN_SIZE], out[OUT_SIZE];
} connection_t;

static int loop;

static void close_connection(connection_t *c) {
  close(c->socket);
  free(c);
}

// Sends what there is; 0 when the connection is gone.
static int flush_out(connection_t *c) {
  while (c->out_start < c->out_size) {
    ssize_t sent = send(c->socket, c->out + c->out_start, c->out_size - c->out_start, MSG_NOSIGNAL);
    if (sent < 0) return 1;
    c->out_start += (size_t)sent;
  }
  c->out_start = c->out_size = 0;
  return 1;
}

#ifdef PROTOBUF_C
static _Alignas(16) uint8_t arena[1 << 17];
static size_t arena_used;

static void *take(void *unused, size_t size) {
  (void)unused;
  size_t start = arena_used;
  arena_used += (size + 15) & ~(size_t)15;
  return arena_used <= sizeof arena ? arena + start : NULL;
}

static void give_back(void *unused, void *block) { (void)unused, (void)block; }

static ProtobufCAllocator allocator = {take, give_back, NULL};

// Answers a CALL; 0 when the bytes are none.
static int answer_message(connection_t *c, const uint8_t *bytes, size_t size) {
  arena_used = 0;
  Tacit__Wire__V1__Frame *call = tacit__wire__v1__frame__unpack(&allocator, size, bytes);
  if (call == NULL || call->kind != CALL) return call != NULL;
  Tacit__Bench__V1__EchoRequest *request =
      tacit__bench__v1__echo_request__unpack(&allocator, call->payload.len, call->payload.data);
  if (request == NULL) return 0;
  Tacit__Bench__V1__EchoReply reply;
  tacit__bench__v1__echo_reply__init(&reply);
  reply.payload = request->payload;
  uint8_t *packed = take(NULL, tacit__bench__v1__echo_reply__get_packed_size(&reply));
  if (packed == NULL) return 0;
  Tacit__Wire__V1__Frame frame;
  tacit__wire__v1__frame__init(&frame);
  frame.has_kind = frame.has_stream = frame.has_payload = 1;
  frame.kind = REPLY;
  frame.stream = call->stream;
  frame.payload.data = packed;
  frame.payload.len = tacit__bench__v1__echo_reply__pack(&reply, packed);
  uint8_t *start = c->out + c->out_size;
  size_t written = tacit__wire__v1__frame__pack(&frame, start + 4);
  c->out_size = (size_t)(end_frame(start, start + 4 + written) - c->out);
  return 1;
}
#endif

static void answer(connection_t *c, const frame_t *frame) {
  uint8_t *start = c->out + c->out_size, *p = start + 4;
  if (frame->kind == PING) {
    p = put_pong(start, frame);
  } else if (frame->kind == CALL) {
    *p++ = 1 << 3, *p++ = REPLY;
    *p++ = 2 << 3, p = put_varint(p, frame->stream);
    p = end_frame(start, put_payload(p, frame->payload, frame->payload_size));
  } else {
    return;
  }
  c->out_size = (size_t)(p - c->out);
}

static int serve(connection_t *c) {
  for (;;) {
    ssize_t got = recv(c->socket, c->in + c->in_size, IN_SIZE - c->in_size, 0);
    if (got < 0) return 1;
    if (got == 0) return 0;
    int isFull = c->in_size + (size_t)got == IN_SIZE;
    c->in_size += (size_t)got;
    size_t used = 0;
    long length;
    while ((length = whole_frame(c->in + used, c->in_size - used)) >= 0) {
      if (OUT_SIZE - c->out_size < (size_t)length + 64 && !flush_out(c)) return 0;
      if (OUT_SIZE - c->out_size < (size_t)length + 64) return 0;
#ifdef PROTOBUF_C
      (void)answer;
      if (!answer_message(c, c->in + used + 4, (size_t)length)) return 0;
#else
      frame_t frame;
      if (!read_frame(c->in + used + 4, (size_t)length, &frame)) return 0;
      answer(c, &frame);
#endif
      used += 4 + (size_t)length;
    }
    memmove(c->in, c->in + used, c->in_size - used);
    c->in_size -= used;
    if (!flush_out(c)) return 0;
    if (!isFull) return 1;
  }
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  alarm(count > 1 ? (unsigned)atoi(arguments[1]) : 900);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0) die("bind");
  if (listen(listener, 128) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  loop = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(loop, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      connection_t *c = events[i].data.ptr;
      if (c == NULL) {
        int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c = malloc(sizeof *c);
        c->socket = accepted;
        c->in_size = c->out_start = c->out_size = 0;
        c->out_size = (size_t)(put_hello(c->out) - c->out);
        flush_out(c);
        struct epoll_event added = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(loop, EPOLL_CTL_ADD, accepted, &added);
      } else if (!flush_out(c) || ((events[i].events & EPOLLIN) && !serve(c))) {
        close_connection(c);
      }
    }
  }
}
