// A load of unary calls in one thread: N in flight on each of M connections, for a given time.
//   load --port P [--connections M] [--in-flight N] [--payload BYTES] [--warmup-ms W]
//        [--measure-ms T] [--in-task]      prints one line of JSON
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { IN_SIZE = 1 << 18, OUT_SIZE = 1 << 21, SLOTS = 4096, SAMPLES = 4 << 20 };

typedef struct {
  int socket, is_open;
  uint32_t next_stream, in_flight;
  uint64_t credit;
  size_t in_size, out_start, out_size;
  uint64_t started[SLOTS];  // by stream; 0 where the call is not sampled
  uint8_t in[IN_SIZE], out[OUT_SIZE];
} connection_t;

static int port, connection_count = 1, in_flight = 128, payload_size = 64;
static int warmup_ms = 300, measure_ms = 1000, is_in_task, sample_interval = 1;
static uint8_t request[1 << 16];
static size_t request_size;
static uint32_t method;
static uint64_t calls, calls_total, sample_count;
static uint32_t *samples;
static int is_measuring;

// FNV-1a, 32 bits: how a method's id follows from its name.
static uint32_t method_id(const char *name) {
  uint32_t hash = 2166136261u;
  for (; *name; name++) hash = (hash ^ (uint8_t)*name) * 16777619u;
  return hash;
}

static void call(connection_t *c) {
  uint8_t *start = c->out + c->out_size, *p = start + 4;
  uint32_t stream = c->next_stream;
  c->next_stream += 2;
  c->in_flight++;
  *p++ = 1 << 3, *p++ = CALL;
  *p++ = 2 << 3, p = put_varint(p, stream);
  *p++ = 3 << 3 | 5;
  *p++ = (uint8_t)method, *p++ = (uint8_t)(method >> 8);
  *p++ = (uint8_t)(method >> 16), *p++ = (uint8_t)(method >> 24);
  *p++ = 4 << 3, *p++ = 1;                             // END_STREAM
  *p++ = 5 << 3, p = put_varint(p, 30 * 1000 * 1000);  // half a minute, as our own client says
  p = end_frame(start, put_payload(p, request, request_size));
  c->out_size = (size_t)(p - c->out);
  c->started[stream / 2 % SLOTS] = stream / 2 % sample_interval == 0 ? now_ns() : 0;
}

static void flush_out(connection_t *c) {
  while (c->out_start < c->out_size) {
    ssize_t sent = send(c->socket, c->out + c->out_start, c->out_size - c->out_start, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) die("send");
    c->out_start += (size_t)sent;
  }
  if (c->out_start == c->out_size) c->out_start = c->out_size = 0;
}

static void fill(connection_t *c) {
  // Calls cost no credit; only the room here bounds them.
  while (c->is_open && c->in_flight < (uint32_t)in_flight &&
         OUT_SIZE - c->out_size > request_size + 128)
    call(c);
}

static void take(connection_t *c, const frame_t *frame) {
  switch (frame->kind) {
    case HELLO: c->is_open = 1; break;
    case REPLY:
      if (frame->status != 0 || frame->payload_size != request_size) {
        fprintf(stderr, "a reply with status %u and %zu bytes\n", frame->status,
                frame->payload_size);
        exit(1);
      }
      c->in_flight--;
      calls_total++;
      uint64_t started = c->started[frame->stream / 2 % SLOTS];
      if (is_measuring) {
        calls++;
        if (started != 0 && sample_count < SAMPLES)
          samples[sample_count++] = (uint32_t)(now_ns() - started);
      }
      break;
    case CREDIT:
      if (frame->stream == 0) c->credit += frame->credit;
      break;
    case PING:
      c->out_size = (size_t)(put_pong(c->out + c->out_size, frame) - c->out);
      break;
    case PONG: break;
    default: fprintf(stderr, "a frame of kind %u\n", frame->kind); exit(1);
  }
}

static void serve(connection_t *c) {
  ssize_t got = recv(c->socket, c->in + c->in_size, IN_SIZE - c->in_size, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) die("recv");
  c->in_size += (size_t)got;
  size_t used = 0;
  long length;
  while ((length = whole_frame(c->in + used, c->in_size - used)) >= 0) {
    frame_t frame;
    if (!read_frame(c->in + used + 4, (size_t)length, &frame)) die("a frame");
    take(c, &frame);
    used += 4 + (size_t)length;
  }
  memmove(c->in, c->in + used, c->in_size - used);
  c->in_size -= used;
}

static connection_t *open_connection(int loop) {
  connection_t *c = calloc(1, sizeof *c);
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->socket, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  c->next_stream = 1;
  c->credit = 4 << 20;
  c->out_size = (size_t)(put_hello(c->out) - c->out);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(loop, EPOLL_CTL_ADD, c->socket, &event);
  flush_out(c);
  return c;
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double quantile(double share) {
  if (sample_count == 0) return 0;
  uint64_t index = (uint64_t)((double)sample_count * share);
  return samples[index < sample_count ? index : sample_count - 1] / 1000.0;
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    const char *name = arguments[i];
    if (strcmp(name, "--in-task") == 0) {
      is_in_task = 1;
      continue;
    }
    int value = i + 1 < count ? atoi(arguments[++i]) : 0;
    if (strcmp(name, "--port") == 0) port = value;
    else if (strcmp(name, "--connections") == 0) connection_count = value;
    else if (strcmp(name, "--in-flight") == 0) in_flight = value;
    else if (strcmp(name, "--payload") == 0) payload_size = value;
    else if (strcmp(name, "--warmup-ms") == 0) warmup_ms = value;
    else if (strcmp(name, "--measure-ms") == 0) measure_ms = value;
    else return fprintf(stderr, "unknown: %s\n", name), 2;
  }
  if (port == 0 || payload_size < 1 || payload_size > 60000 || in_flight < 1 || in_flight > 1024)
    return fprintf(stderr, "--port, --payload or --in-flight is missing or out of range\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  alarm((unsigned)(warmup_ms + measure_ms) / 1000 + 10);
  method = method_id(is_in_task ? "tacit.bench.v1.Echo/EchoInTask" : "tacit.bench.v1.Echo/Echo");
  if (in_flight * connection_count > 16) sample_interval = 16;
  samples = malloc(SAMPLES * sizeof *samples);
  uint8_t *p = request;
  *p++ = 1 << 3 | 2;
  p = put_varint(p, (uint64_t)payload_size);
  memset(p, 'a', (size_t)payload_size);
  request_size = (size_t)(p - request) + (size_t)payload_size;

  int loop = epoll_create1(0);
  for (int i = 0; i < connection_count; i++) open_connection(loop);
  uint64_t begin = now_ns(), measured_from = begin + (uint64_t)warmup_ms * 1000000;
  uint64_t measured_to = measured_from + (uint64_t)measure_ms * 1000000, started = 0, now = begin;
  while (now < measured_to) {
    struct epoll_event events[64];
    int ready = epoll_wait(loop, events, 64, 100);
    for (int i = 0; i < ready; i++) {
      connection_t *c = events[i].data.ptr;
      if (events[i].events & EPOLLIN) serve(c);
      fill(c);
      int was_waiting = c->out_start > 0;
      flush_out(c);
      int is_waiting = c->out_size > 0;
      if (was_waiting != is_waiting || is_waiting) {
        struct epoll_event event = {.events = EPOLLIN | (is_waiting ? EPOLLOUT : 0u)};
        event.data.ptr = c;
        epoll_ctl(loop, EPOLL_CTL_MOD, c->socket, &event);
      }
    }
    now = now_ns();
    if (!is_measuring && now >= measured_from) {
      is_measuring = 1;
      started = now;
    }
  }
  double seconds = (double)(now - started) / 1e9;
  qsort(samples, sample_count, sizeof *samples, compare);
  printf("{\"calls\": %llu, \"calls_total\": %llu, \"seconds\": %.6f, \"calls_per_s\": %.1f, "
         "\"p50_us\": %.3f, \"p99_us\": %.3f}\n",
         (unsigned long long)calls, (unsigned long long)calls_total, seconds,
         (double)calls / seconds, quantile(0.5), quantile(0.99));
  return 0;
}
