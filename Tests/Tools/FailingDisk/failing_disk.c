// Lets fsync, fdatasync and msync fail with EIO as long as the file named by TACIT_TEST_FAULT is
// there: loaded before the C library of a service whose disk is to break.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_broken(void) {
  const char *mark = getenv("TACIT_TEST_FAULT");
  return mark && access(mark, F_OK) == 0;
}

#define FAILING(name, parameters, arguments)                        \
  int name parameters {                                             \
    if (is_broken()) {                                              \
      errno = EIO;                                                  \
      return -1;                                                    \
    }                                                               \
    int(*real) parameters = (int(*) parameters)dlsym(RTLD_NEXT, #name); \
    return real arguments;                                          \
  }

FAILING(fsync, (int file), (file))
FAILING(fdatasync, (int file), (file))
FAILING(msync, (void *start, size_t length, int flags), (start, length, flags))
