#include <protobuf-c/protobuf-c.h>

// The value of a text that is absent; an array of unknown length does not import.
static inline const char *protobuf_c_empty_text(void) { return protobuf_c_empty_string; }
