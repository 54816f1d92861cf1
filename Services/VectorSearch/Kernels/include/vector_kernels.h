/* Inner loops of vector search. The widest instructions of the machine are chosen once, when the
 * program is loaded. No pointer is kept, nothing is allocated, nothing can fail. */
#ifndef TACIT_VECTOR_KERNELS_H
#define TACIT_VECTOR_KERNELS_H

#include <stddef.h>

/* scores[i] = sum over j of rows[i * dimension + j] * query[j], for i in 0 ..< row_count. */
void tacit_inner_products(
    const float *rows, size_t row_count, size_t dimension, const float *query, float *scores);

/* scores[i] = sum over j of (rows[i * dimension + j] - query[j])^2, for i in 0 ..< row_count. */
void tacit_squared_distances(
    const float *rows, size_t row_count, size_t dimension, const float *query, float *scores);

/* sum[j] += weight * row[j]. */
void tacit_add_scaled(float *sum, const float *row, float weight, size_t dimension);

#endif
