// The frames of docs/PROTOCOL.md as the load and echo ends of the benchmark need them: enough to
// speak to a good peer, written by hand so that nothing else is measured.
#ifndef TACIT_BENCH_WIRE_H
#define TACIT_BENCH_WIRE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HELLO = 1, CALL, REPLY, DATA, CREDIT, CANCEL, PING, PONG, GOAWAY };

typedef struct {
  uint32_t kind, stream, flags, status, credit;
  const uint8_t *payload;
  size_t payload_size;
} frame_t;

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t value) {
  while (value >= 0x80) {
    *p++ = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  *p++ = (uint8_t)value;
  return p;
}

// Reads a varint; NULL past the end.
static inline const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *value) {
  uint64_t sum = 0;
  for (int shift = 0; p < end && shift < 64; shift += 7) {
    uint8_t byte = *p++;
    sum |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = sum;
      return p;
    }
  }
  return NULL;
}

// Reads one frame without its length; 0 when the bytes are no frame.
static inline int read_frame(const uint8_t *p, size_t size, frame_t *frame) {
  const uint8_t *end = p + size;
  memset(frame, 0, sizeof *frame);
  while (p < end) {
    uint64_t key = 0, value = 0;
    p = get_varint(p, end, &key);
    if (p == NULL) return 0;
    switch (key & 7) {
      case 0:
        p = get_varint(p, end, &value);
        if (p == NULL) return 0;
        switch (key >> 3) {
          case 1: frame->kind = (uint32_t)value; break;
          case 2: frame->stream = (uint32_t)value; break;
          case 4: frame->flags = (uint32_t)value; break;
          case 6: frame->status = (uint32_t)value; break;
          case 7: frame->credit = (uint32_t)value; break;
        }
        break;
      case 1:
        if (end - p < 8) return 0;
        p += 8;
        break;
      case 2:
        p = get_varint(p, end, &value);
        if (p == NULL || value > (uint64_t)(end - p)) return 0;
        if (key >> 3 == 15) {
          frame->payload = p;
          frame->payload_size = (size_t)value;
        }
        p += value;
        break;
      case 5:
        if (end - p < 4) return 0;
        p += 4;
        break;
      default: return 0;
    }
  }
  return frame->kind != 0;
}

// The length of the frame at the start of the bytes, or -1 until all of it is there.
static inline long whole_frame(const uint8_t *p, size_t size) {
  if (size < 4) return -1;
  uint32_t length = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
  if (length == 0 || length > (4u << 20)) {
    fprintf(stderr, "a frame of %u bytes\n", length);
    exit(1);
  }
  return size >= 4 + (size_t)length ? (long)length : -1;
}

// Ends a frame that began at `start` (where its length belongs) and reached `p`.
static inline uint8_t *end_frame(uint8_t *start, uint8_t *p) {
  uint32_t length = (uint32_t)(p - start - 4);
  start[0] = (uint8_t)(length >> 24);
  start[1] = (uint8_t)(length >> 16);
  start[2] = (uint8_t)(length >> 8);
  start[3] = (uint8_t)length;
  return p;
}

static inline uint8_t *put_payload(uint8_t *p, const uint8_t *bytes, size_t size) {
  if (size == 0) return p;
  *p++ = 15 << 3 | 2;
  p = put_varint(p, size);
  memcpy(p, bytes, size);
  return p + size;
}

static inline uint8_t *put_hello(uint8_t *start) {
  uint8_t hello[64], *h = hello;
  *h++ = 1 << 3, *h++ = 1;                               // version
  *h++ = 3 << 3, h = put_varint(h, 4 << 20);             // frame_byte_count_max
  *h++ = 4 << 3, h = put_varint(h, 1024);                // stream_count_max
  *h++ = 5 << 3, h = put_varint(h, 1 << 20);             // stream_credit
  *h++ = 6 << 3, h = put_varint(h, 4 << 20);             // connection_credit
  uint8_t *p = start + 4;
  *p++ = 1 << 3, *p++ = HELLO;
  return end_frame(start, put_payload(p, hello, (size_t)(h - hello)));
}

// PONG with the payload of a PING.
static inline uint8_t *put_pong(uint8_t *start, const frame_t *ping) {
  uint8_t *p = start + 4;
  *p++ = 1 << 3, *p++ = PONG;
  return end_frame(start, put_payload(p, ping->payload, ping->payload_size));
}

#endif
