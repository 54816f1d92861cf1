// The work that the peers of `make bench-store` share: rows, clock and report. The rows are those
// of Benchmarks/Store/Bench/BenchStore.swift.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_BYTE_COUNT 32
#define VALUE_BYTE_COUNT 100
#define LOAD_GROUP 10000

struct work {
  const char *command, *directory;
  long rows, group, measure_ms, warmup_ms;
};

static inline uint64_t mixed(uint64_t *state) {
  uint64_t word = *state += 0x9E3779B97F4A7C15;
  word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
  word = (word ^ word >> 27) * 0x94D049BB133111EB;
  return word ^ word >> 31;
}

static inline void fill(unsigned char *bytes, size_t byte_count, uint64_t seed) {
  uint64_t state = seed * 0xD1342543DE82EF95;
  for (size_t start = 0; start < byte_count; start += 8) {
    uint64_t word = mixed(&state);
    memcpy(bytes + start, &word, byte_count - start < 8 ? byte_count - start : 8);
  }
}

static inline void make_key(unsigned char *key, uint64_t number) {
  fill(key, KEY_BYTE_COUNT, number);
}

static inline void make_value(unsigned char *value, uint64_t number) {
  fill(value, VALUE_BYTE_COUNT, number ^ 0x5555555555555555);
}

static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline void require(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "%s failed\n", what);
  exit(1);
}

static inline int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

// What the three stores do in their own way. `begin_group`, `put` and `end_group` make one group
// durable; `get` answers the value's length, -1 when the row is missing.
static void open_store(const char *directory);
static void begin_group(void);
static void put(const unsigned char *key, const unsigned char *value);
static void end_group(void);
static long get(const unsigned char *key);
static void close_store(void);

static inline void write_group(uint64_t first, long count) {
  unsigned char key[KEY_BYTE_COUNT], value[VALUE_BYTE_COUNT];
  begin_group();
  for (long row = 0; row < count; row++) {
    make_key(key, first + (uint64_t)row);
    make_value(value, first + (uint64_t)row);
    put(key, value);
  }
  end_group();
}

static inline void load(const struct work *work) {
  double start = now();
  for (long first = 0; first < work->rows; first += LOAD_GROUP)
    write_group((uint64_t)first,
                work->rows - first < LOAD_GROUP ? work->rows - first : LOAD_GROUP);
  printf("{\"rows_per_s\": %.1f}\n", (double)work->rows / (now() - start));
}

static inline void measure_writes(const struct work *work) {
  size_t count = 0, capacity = 1 << 20;
  double *seconds = (double *)malloc(capacity * sizeof *seconds);
  require(seconds != NULL, "memory");
  uint64_t next = (uint64_t)work->rows;
  double start = now() + (double)work->warmup_ms / 1e3;
  double end = start + (double)work->measure_ms / 1e3;
  for (double begin = now(); begin < end;) {
    write_group(next, work->group);
    next += (uint64_t)work->group;
    double done = now();
    if (done >= start && done < end && count < capacity) seconds[count++] = done - begin;
    begin = done;
  }
  qsort(seconds, count, sizeof *seconds, by_size);
  require(count > 0, "a group within the measured time");
  printf("{\"writes_per_s\": %.1f, \"group\": %ld, \"p50_ms\": %.4f, \"p99_ms\": %.4f, "
         "\"max_ms\": %.4f}\n",
         (double)count * (double)work->group * 1e3 / (double)work->measure_ms, work->group,
         seconds[count / 2] * 1e3, seconds[count * 99 / 100] * 1e3, seconds[count - 1] * 1e3);
  free(seconds);
}

static inline void measure_gets(const struct work *work) {
  unsigned char key[KEY_BYTE_COUNT];
  uint64_t state = 99;
  long count = 0;
  double start = now() + (double)work->warmup_ms / 1e3;
  double end = start + (double)work->measure_ms / 1e3;
  for (double time = now(); time < end; time = now()) {
    for (int turn = 0; turn < 64; turn++) {
      make_key(key, mixed(&state) % (uint64_t)work->rows);
      require(get(key) == VALUE_BYTE_COUNT, "a get");
    }
    if (time >= start) count += 64;
  }
  printf("{\"gets_per_s\": %.1f}\n", (double)count * 1e3 / (double)work->measure_ms);
}

// COMMAND DIRECTORY [--rows N] [--group N] [--warmup-ms T] [--measure-ms T]
static inline int run(int count, char **words) {
  struct work work = {"", "", 1000000, 512, 5000, 500};
  require(count >= 3, "usage: load|writes|gets DIRECTORY [--name number]...: it");
  work.command = words[1];
  work.directory = words[2];
  for (int index = 3; index + 1 < count; index += 2) {
    long number = atol(words[index + 1]);
    if (strcmp(words[index], "--rows") == 0) work.rows = number;
    else if (strcmp(words[index], "--group") == 0) work.group = number;
    else if (strcmp(words[index], "--warmup-ms") == 0) work.warmup_ms = number;
    else if (strcmp(words[index], "--measure-ms") == 0) work.measure_ms = number;
    else require(0, words[index]);
  }
  open_store(work.directory);
  if (strcmp(work.command, "load") == 0) load(&work);
  else if (strcmp(work.command, "writes") == 0) measure_writes(&work);
  else if (strcmp(work.command, "gets") == 0) measure_gets(&work);
  else require(0, work.command);
  close_store();
  return 0;
}
