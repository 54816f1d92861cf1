#include "vector_kernels.h"

/* One body, compiled for several levels of the instruction set; the loader picks one. */
#if defined(__x86_64__)
#define PER_MACHINE \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PER_MACHINE
#endif

/* Sums are kept in lanes of a fixed number, whatever the machine's width: the compiler can
 * use vectors without reordering a sum, and every machine rounds the same way but for fused
 * multiplications. */
enum { LANES = 32 };

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

/* A macro, because a function that takes lanes would have another calling convention on each
 * level. */
#define ADD_TOTAL(sum, lanes) \
  for (int lane = 0; lane < LANES; lane += 1) sum += lanes[lane]

PER_MACHINE
void tacit_inner_products(
    const float *rows, size_t row_count, size_t dimension, const float *query, float *scores) {
  for (size_t i = 0; i < row_count; i += 1) {
    const float *row = rows + i * dimension;
    Lanes lanes = {0};
    size_t j = 0;
    for (; j + LANES <= dimension; j += LANES)
      lanes += *(const Lanes *)(row + j) * *(const Lanes *)(query + j);
    float sum = 0;
    ADD_TOTAL(sum, lanes);
    for (; j < dimension; j += 1) sum += row[j] * query[j];
    scores[i] = sum;
  }
}

PER_MACHINE
void tacit_squared_distances(
    const float *rows, size_t row_count, size_t dimension, const float *query, float *scores) {
  for (size_t i = 0; i < row_count; i += 1) {
    const float *row = rows + i * dimension;
    Lanes lanes = {0};
    size_t j = 0;
    for (; j + LANES <= dimension; j += LANES) {
      Lanes difference = *(const Lanes *)(row + j) - *(const Lanes *)(query + j);
      lanes += difference * difference;
    }
    float sum = 0;
    ADD_TOTAL(sum, lanes);
    for (; j < dimension; j += 1) sum += (row[j] - query[j]) * (row[j] - query[j]);
    scores[i] = sum;
  }
}

PER_MACHINE
void tacit_add_scaled(float *sum, const float *row, float weight, size_t dimension) {
  for (size_t j = 0; j < dimension; j += 1) sum[j] += weight * row[j];
}
