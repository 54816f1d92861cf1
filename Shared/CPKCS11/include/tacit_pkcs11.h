// What Tacit asks of a PKCS #11 token: to seal and to open with an AES key that never leaves it.
//
// Written from the OASIS Standard "PKCS #11 Cryptographic Token Interface Base Specification
// Version 2.40" and "Current Mechanisms Specification Version 2.40" (AES-GCM), of which it declares
// only what is used.
#ifndef TACIT_PKCS11_H
#define TACIT_PKCS11_H

#include <stddef.h>
#include <stdint.h>

#define TACIT_PKCS11_NONCE_BYTE_COUNT 12
#define TACIT_PKCS11_TAG_BYTE_COUNT 16

// How a call ended.
typedef enum {
  TACIT_PKCS11_DONE = 0,
  // The module cannot be loaded, or is none.
  TACIT_PKCS11_NO_MODULE,
  // No token has the label.
  TACIT_PKCS11_NO_TOKEN,
  // Several tokens or keys have the label.
  TACIT_PKCS11_AMBIGUOUS,
  // The token holds no AES key with the label.
  TACIT_PKCS11_NO_KEY,
  // The PIN is wrong, locked or expired.
  TACIT_PKCS11_PIN,
  // The token works, and does not open this.
  TACIT_PKCS11_REFUSED,
  // The key or the token does not do AES-GCM.
  TACIT_PKCS11_NOT_CAPABLE,
  // The token is out of order.
  TACIT_PKCS11_FAILED,
  // A key with the label is there already.
  TACIT_PKCS11_EXISTS,
} tacit_pkcs11_outcome;

// A loaded module. Stays loaded as long as the process lives: PKCS #11 knows no way to share it
// with others who might use it.
typedef struct tacit_pkcs11_module tacit_pkcs11_module;

// Where the key is and who asks. The texts end with a zero; labels have at most 32 bytes.
typedef struct {
  const char *token_label;
  const char *key_label;
  const uint8_t *pin;
  size_t pin_byte_count;
} tacit_pkcs11_place;

// Bytes of the caller.
typedef struct {
  const uint8_t *bytes;
  size_t byte_count;
} tacit_pkcs11_bytes;

// Which function of the token refused, and its CK_RV.
typedef struct {
  const char *function;
  unsigned long code;
} tacit_pkcs11_failure;

tacit_pkcs11_outcome tacit_pkcs11_load(
    const char *path, tacit_pkcs11_module **module, tacit_pkcs11_failure *failure);

// Writes ciphertext and tag: plaintext.byte_count + TACIT_PKCS11_TAG_BYTE_COUNT bytes.
tacit_pkcs11_outcome tacit_pkcs11_seal(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, const uint8_t *nonce,
    tacit_pkcs11_bytes associated_data, tacit_pkcs11_bytes plaintext, uint8_t *sealed,
    tacit_pkcs11_failure *failure);

// Writes sealed.byte_count - TACIT_PKCS11_TAG_BYTE_COUNT bytes to plaintext, which has room for
// sealed.byte_count.
tacit_pkcs11_outcome tacit_pkcs11_open(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, const uint8_t *nonce,
    tacit_pkcs11_bytes associated_data, tacit_pkcs11_bytes sealed, uint8_t *plaintext,
    tacit_pkcs11_failure *failure);

// Makes an AES-256 key in the token that cannot be read from it.
tacit_pkcs11_outcome tacit_pkcs11_create_key(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, tacit_pkcs11_failure *failure);

#endif
