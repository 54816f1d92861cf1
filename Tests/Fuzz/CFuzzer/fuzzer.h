/* libFuzzer's entry for programs that have a main of their own
 * (https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library"). */
#ifndef TACIT_FUZZER_H
#define TACIT_FUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(
    int *argument_count, char ***arguments, int (*run_one)(const uint8_t *bytes, size_t count));

#endif
