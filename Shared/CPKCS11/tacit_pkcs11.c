#include "tacit_pkcs11.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// MARK: - What the specification says

typedef unsigned long ck_ulong;
typedef ck_ulong ck_rv;
typedef void (*ck_function)(void);

enum {
  CK_OK = 0x0,
  CK_HOST_MEMORY = 0x2,
  CK_ENCRYPTED_DATA_INVALID = 0x40,
  CK_ENCRYPTED_DATA_LEN_RANGE = 0x41,
  CK_AEAD_DECRYPT_FAILED = 0x42,
  CK_KEY_SIZE_RANGE = 0x62,
  CK_KEY_TYPE_INCONSISTENT = 0x63,
  CK_KEY_FUNCTION_NOT_PERMITTED = 0x68,
  CK_MECHANISM_INVALID = 0x70,
  CK_MECHANISM_PARAM_INVALID = 0x71,
  CK_PIN_INCORRECT = 0xA0,
  CK_PIN_INVALID = 0xA1,
  CK_PIN_LEN_RANGE = 0xA2,
  CK_PIN_EXPIRED = 0xA3,
  CK_PIN_LOCKED = 0xA4,
  CK_USER_ALREADY_LOGGED_IN = 0x100,
  CK_USER_PIN_NOT_INITIALIZED = 0x102,
  CK_CRYPTOKI_ALREADY_INITIALIZED = 0x191,
};

enum { CKO_SECRET = 0x4, CKK_AES_KEY = 0x1F, CKM_AES_GENERATE = 0x1080, CKM_GCM = 0x1087 };
enum { CKU_NORMAL_USER = 1, CKF_OS_LOCKS = 0x2, CKF_READ_WRITE = 0x2, CKF_SERIAL = 0x4 };
enum {
  CKA_CLASS_ = 0x0, CKA_TOKEN_ = 0x1, CKA_PRIVATE_ = 0x2, CKA_LABEL_ = 0x3, CKA_KEY_TYPE_ = 0x100,
  CKA_SENSITIVE_ = 0x103, CKA_ENCRYPT_ = 0x104, CKA_DECRYPT_ = 0x105, CKA_VALUE_LEN_ = 0x161,
  CKA_EXTRACTABLE_ = 0x162,
};

// The places of functions in CK_FUNCTION_LIST, which has one order for all modules.
enum {
  F_INITIALIZE = 0, F_GET_SLOT_LIST = 4, F_GET_TOKEN_INFO = 6, F_OPEN_SESSION = 12,
  F_CLOSE_SESSION = 13, F_LOGIN = 18, F_FIND_OBJECTS_INIT = 26, F_FIND_OBJECTS = 27,
  F_FIND_OBJECTS_FINAL = 28, F_ENCRYPT_INIT = 29, F_ENCRYPT = 30, F_DECRYPT_INIT = 33,
  F_DECRYPT = 34, F_GENERATE_KEY = 58, F_COUNT = 68,
};

typedef struct {
  uint8_t major, minor;
} ck_version;

typedef struct {
  ck_version version;
  ck_function functions[F_COUNT];
} ck_function_list;

typedef struct {
  void *create_mutex, *destroy_mutex, *lock_mutex, *unlock_mutex;
  ck_ulong flags;
  void *reserved;
} ck_initialize_arguments;

typedef struct {
  uint8_t label[32], manufacturer[32], model[16], serial_number[16];
  ck_ulong flags, numbers[10];
  ck_version hardware, firmware;
  uint8_t utc_time[16];
} ck_token_info;

typedef struct {
  ck_ulong type;
  void *value;
  ck_ulong byte_count;
} ck_attribute;

typedef struct {
  ck_ulong mechanism;
  void *parameter;
  ck_ulong parameter_byte_count;
} ck_mechanism;

typedef struct {
  uint8_t *iv;
  ck_ulong iv_byte_count, iv_bit_count;
  uint8_t *associated_data;
  ck_ulong associated_data_byte_count, tag_bit_count;
} ck_gcm_parameters;

typedef ck_rv (*f_get_function_list)(ck_function_list **);
typedef ck_rv (*f_initialize)(ck_initialize_arguments *);
typedef ck_rv (*f_get_slot_list)(uint8_t, ck_ulong *, ck_ulong *);
typedef ck_rv (*f_get_token_info)(ck_ulong, ck_token_info *);
typedef ck_rv (*f_open_session)(ck_ulong, ck_ulong, void *, void *, ck_ulong *);
typedef ck_rv (*f_of_session)(ck_ulong);
typedef ck_rv (*f_login)(ck_ulong, ck_ulong, uint8_t *, ck_ulong);
typedef ck_rv (*f_find_objects_init)(ck_ulong, ck_attribute *, ck_ulong);
typedef ck_rv (*f_find_objects)(ck_ulong, ck_ulong *, ck_ulong, ck_ulong *);
typedef ck_rv (*f_start)(ck_ulong, ck_mechanism *, ck_ulong);
typedef ck_rv (*f_run)(ck_ulong, uint8_t *, ck_ulong, uint8_t *, ck_ulong *);
typedef ck_rv (*f_generate_key)(ck_ulong, ck_mechanism *, ck_attribute *, ck_ulong, ck_ulong *);

// MARK: - Loading

struct tacit_pkcs11_module {
  const ck_function_list *list;
};

#define CALL(module, type, index) ((type)(module)->list->functions[index])

static tacit_pkcs11_outcome fail(
    tacit_pkcs11_outcome outcome, tacit_pkcs11_failure *failure, const char *function, ck_rv code) {
  failure->function = function;
  failure->code = code;
  return outcome;
}

tacit_pkcs11_outcome tacit_pkcs11_load(
    const char *path, tacit_pkcs11_module **module, tacit_pkcs11_failure *failure) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fail(TACIT_PKCS11_NO_MODULE, failure, "dlopen", 0);
  f_get_function_list get = (f_get_function_list)(uintptr_t)dlsym(library, "C_GetFunctionList");
  ck_function_list *list = NULL;
  if (get == NULL) {
    dlclose(library);
    return fail(TACIT_PKCS11_NO_MODULE, failure, "C_GetFunctionList", 0);
  }
  ck_rv code = get(&list);
  if (code != CK_OK || list == NULL) {
    return fail(TACIT_PKCS11_NO_MODULE, failure, "C_GetFunctionList", code);
  }
  ck_initialize_arguments arguments = {.flags = CKF_OS_LOCKS};
  code = ((f_initialize)list->functions[F_INITIALIZE])(&arguments);
  if (code != CK_OK && code != CK_CRYPTOKI_ALREADY_INITIALIZED) {
    return fail(TACIT_PKCS11_FAILED, failure, "C_Initialize", code);
  }
  *module = malloc(sizeof **module);
  if (*module == NULL) return fail(TACIT_PKCS11_FAILED, failure, "malloc", CK_HOST_MEMORY);
  (*module)->list = list;
  return TACIT_PKCS11_DONE;
}

// MARK: - Sessions

// Labels fill their field with spaces.
static int has_label(const uint8_t field[32], const char *label) {
  uint8_t padded[32];
  size_t byte_count = strlen(label);
  if (byte_count > sizeof padded) return 0;
  memset(padded, ' ', sizeof padded);
  memcpy(padded, label, byte_count);
  return memcmp(padded, field, sizeof padded) == 0;
}

static tacit_pkcs11_outcome find_slot(
    tacit_pkcs11_module *module, const char *label, ck_ulong *slot, tacit_pkcs11_failure *failure) {
  ck_ulong slots[256];
  ck_ulong count = sizeof slots / sizeof *slots;
  ck_rv code = CALL(module, f_get_slot_list, F_GET_SLOT_LIST)(1, slots, &count);
  if (code != CK_OK) return fail(TACIT_PKCS11_FAILED, failure, "C_GetSlotList", code);
  int found_count = 0;
  for (ck_ulong index = 0; index < count; index++) {
    ck_token_info info;
    if (CALL(module, f_get_token_info, F_GET_TOKEN_INFO)(slots[index], &info) != CK_OK) continue;
    if (!has_label(info.label, label)) continue;
    *slot = slots[index];
    found_count++;
  }
  if (found_count == 0) return fail(TACIT_PKCS11_NO_TOKEN, failure, "C_GetTokenInfo", 0);
  if (found_count > 1) return fail(TACIT_PKCS11_AMBIGUOUS, failure, "C_GetTokenInfo", 0);
  return TACIT_PKCS11_DONE;
}

// A session in which the user is logged in. Sessions are not kept: a token that was taken out and
// put back, or a module that lost its device, then needs no care.
static tacit_pkcs11_outcome begin(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, ck_ulong flags, ck_ulong *session,
    tacit_pkcs11_failure *failure) {
  ck_ulong slot = 0;
  tacit_pkcs11_outcome outcome = find_slot(module, place->token_label, &slot, failure);
  if (outcome != TACIT_PKCS11_DONE) return outcome;
  ck_rv code = CALL(module, f_open_session, F_OPEN_SESSION)(
      slot, CKF_SERIAL | flags, NULL, NULL, session);
  if (code != CK_OK) return fail(TACIT_PKCS11_FAILED, failure, "C_OpenSession", code);
  code = CALL(module, f_login, F_LOGIN)(
      *session, CKU_NORMAL_USER, (uint8_t *)place->pin, place->pin_byte_count);
  if (code == CK_OK || code == CK_USER_ALREADY_LOGGED_IN) return TACIT_PKCS11_DONE;
  CALL(module, f_of_session, F_CLOSE_SESSION)(*session);
  int is_pin = (code >= CK_PIN_INCORRECT && code <= CK_PIN_LOCKED) ||
               code == CK_USER_PIN_NOT_INITIALIZED;
  return fail(is_pin ? TACIT_PKCS11_PIN : TACIT_PKCS11_FAILED, failure, "C_Login", code);
}

static void end(tacit_pkcs11_module *module, ck_ulong session) {
  CALL(module, f_of_session, F_CLOSE_SESSION)(session);
}

static tacit_pkcs11_outcome find_key(
    tacit_pkcs11_module *module, ck_ulong session, const char *label, ck_ulong *key,
    tacit_pkcs11_failure *failure) {
  ck_ulong class = CKO_SECRET, type = CKK_AES_KEY, keys[2], count = 0;
  ck_attribute template[] = {
      {CKA_CLASS_, &class, sizeof class},
      {CKA_KEY_TYPE_, &type, sizeof type},
      {CKA_LABEL_, (void *)label, strlen(label)},
  };
  ck_rv code = CALL(module, f_find_objects_init, F_FIND_OBJECTS_INIT)(session, template, 3);
  if (code != CK_OK) return fail(TACIT_PKCS11_FAILED, failure, "C_FindObjectsInit", code);
  code = CALL(module, f_find_objects, F_FIND_OBJECTS)(session, keys, 2, &count);
  CALL(module, f_of_session, F_FIND_OBJECTS_FINAL)(session);
  if (code != CK_OK) return fail(TACIT_PKCS11_FAILED, failure, "C_FindObjects", code);
  if (count == 0) return fail(TACIT_PKCS11_NO_KEY, failure, "C_FindObjects", 0);
  if (count > 1) return fail(TACIT_PKCS11_AMBIGUOUS, failure, "C_FindObjects", 0);
  *key = keys[0];
  return TACIT_PKCS11_DONE;
}

// MARK: - Sealing

// One AES-GCM operation. `output` has room for `output_byte_count` bytes, which becomes their count.
static ck_rv run_gcm(
    tacit_pkcs11_module *module, ck_ulong session, ck_ulong key, int is_opening,
    const uint8_t *nonce, tacit_pkcs11_bytes associated_data, tacit_pkcs11_bytes input,
    uint8_t *output, ck_ulong *output_byte_count, const char **function) {
  ck_gcm_parameters parameters = {
      .iv = (uint8_t *)nonce,
      .iv_byte_count = TACIT_PKCS11_NONCE_BYTE_COUNT,
      .iv_bit_count = 8 * TACIT_PKCS11_NONCE_BYTE_COUNT,
      .associated_data = (uint8_t *)associated_data.bytes,
      .associated_data_byte_count = associated_data.byte_count,
      .tag_bit_count = 8 * TACIT_PKCS11_TAG_BYTE_COUNT,
  };
  ck_mechanism mechanism = {CKM_GCM, &parameters, sizeof parameters};
  *function = is_opening ? "C_DecryptInit" : "C_EncryptInit";
  ck_rv code = CALL(module, f_start, is_opening ? F_DECRYPT_INIT : F_ENCRYPT_INIT)(
      session, &mechanism, key);
  if (code != CK_OK) return code;
  *function = is_opening ? "C_Decrypt" : "C_Encrypt";
  return CALL(module, f_run, is_opening ? F_DECRYPT : F_ENCRYPT)(
      session, (uint8_t *)input.bytes, input.byte_count, output, output_byte_count);
}

static int is_not_capable(ck_rv code) {
  return code == CK_MECHANISM_INVALID || code == CK_MECHANISM_PARAM_INVALID ||
         code == CK_KEY_FUNCTION_NOT_PERMITTED || code == CK_KEY_TYPE_INCONSISTENT ||
         code == CK_KEY_SIZE_RANGE;
}

tacit_pkcs11_outcome tacit_pkcs11_seal(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, const uint8_t *nonce,
    tacit_pkcs11_bytes associated_data, tacit_pkcs11_bytes plaintext, uint8_t *sealed,
    tacit_pkcs11_failure *failure) {
  ck_ulong session = 0, key = 0;
  tacit_pkcs11_outcome outcome = begin(module, place, 0, &session, failure);
  if (outcome != TACIT_PKCS11_DONE) return outcome;
  outcome = find_key(module, session, place->key_label, &key, failure);
  if (outcome == TACIT_PKCS11_DONE) {
    ck_ulong expected = plaintext.byte_count + TACIT_PKCS11_TAG_BYTE_COUNT, count = expected;
    const char *function = NULL;
    ck_rv code = run_gcm(
        module, session, key, 0, nonce, associated_data, plaintext, sealed, &count, &function);
    if (code != CK_OK || count != expected) {
      outcome = fail(
          is_not_capable(code) ? TACIT_PKCS11_NOT_CAPABLE : TACIT_PKCS11_FAILED, failure, function,
          code);
    }
  }
  end(module, session);
  return outcome;
}

// Whether the token opens what it has sealed itself this moment.
static int works(tacit_pkcs11_module *module, ck_ulong session, ck_ulong key) {
  static const uint8_t nonce[TACIT_PKCS11_NONCE_BYTE_COUNT] = {0};
  // Under a nonce that is used again and again only because nothing but zeros is sealed with it:
  // the same bytes each time tell nothing of others, which have nonces of their own.
  static const uint8_t zeros[16] = {0};
  uint8_t sealed[32], opened[32];
  ck_ulong sealed_count = sizeof sealed, opened_count = sizeof opened;
  const char *function = NULL;
  tacit_pkcs11_bytes nothing = {zeros, 1};
  ck_rv code = run_gcm(
      module, session, key, 0, nonce, nothing, (tacit_pkcs11_bytes){zeros, 16}, sealed,
      &sealed_count, &function);
  if (code != CK_OK) return 0;
  code = run_gcm(
      module, session, key, 1, nonce, nothing, (tacit_pkcs11_bytes){sealed, sealed_count}, opened,
      &opened_count, &function);
  return code == CK_OK && opened_count == 16 && memcmp(opened, zeros, 16) == 0;
}

tacit_pkcs11_outcome tacit_pkcs11_open(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, const uint8_t *nonce,
    tacit_pkcs11_bytes associated_data, tacit_pkcs11_bytes sealed, uint8_t *plaintext,
    tacit_pkcs11_failure *failure) {
  ck_ulong session = 0, key = 0;
  tacit_pkcs11_outcome outcome = begin(module, place, 0, &session, failure);
  if (outcome != TACIT_PKCS11_DONE) return outcome;
  outcome = find_key(module, session, place->key_label, &key, failure);
  if (outcome == TACIT_PKCS11_DONE) {
    ck_ulong count = sealed.byte_count;
    const char *function = NULL;
    ck_rv code = run_gcm(
        module, session, key, 1, nonce, associated_data, sealed, plaintext, &count, &function);
    if (code == CK_ENCRYPTED_DATA_INVALID || code == CK_ENCRYPTED_DATA_LEN_RANGE ||
        code == CK_AEAD_DECRYPT_FAILED) {
      outcome = fail(TACIT_PKCS11_REFUSED, failure, function, code);
    } else if (is_not_capable(code)) {
      outcome = fail(TACIT_PKCS11_NOT_CAPABLE, failure, function, code);
    } else if (code != CK_OK) {
      // Tokens say "general error" of a wrong tag too; whether it is one shows in what else works.
      outcome = fail(
          works(module, session, key) ? TACIT_PKCS11_REFUSED : TACIT_PKCS11_FAILED, failure,
          function, code);
    } else if (count != sealed.byte_count - TACIT_PKCS11_TAG_BYTE_COUNT) {
      outcome = fail(TACIT_PKCS11_FAILED, failure, function, code);
    }
  }
  end(module, session);
  return outcome;
}

tacit_pkcs11_outcome tacit_pkcs11_create_key(
    tacit_pkcs11_module *module, const tacit_pkcs11_place *place, tacit_pkcs11_failure *failure) {
  ck_ulong session = 0, key = 0;
  tacit_pkcs11_outcome outcome = begin(module, place, CKF_READ_WRITE, &session, failure);
  if (outcome != TACIT_PKCS11_DONE) return outcome;
  outcome = find_key(module, session, place->key_label, &key, failure);
  if (outcome == TACIT_PKCS11_NO_KEY) {
    uint8_t yes = 1, no = 0;
    ck_ulong byte_count = 32;
    ck_mechanism mechanism = {CKM_AES_GENERATE, NULL, 0};
    ck_attribute template[] = {
        {CKA_TOKEN_, &yes, 1},
        {CKA_PRIVATE_, &yes, 1},
        {CKA_SENSITIVE_, &yes, 1},
        {CKA_EXTRACTABLE_, &no, 1},
        {CKA_ENCRYPT_, &yes, 1},
        {CKA_DECRYPT_, &yes, 1},
        {CKA_VALUE_LEN_, &byte_count, sizeof byte_count},
        {CKA_LABEL_, (void *)place->key_label, strlen(place->key_label)},
    };
    ck_rv code = CALL(module, f_generate_key, F_GENERATE_KEY)(
        session, &mechanism, template, sizeof template / sizeof *template, &key);
    outcome = code == CK_OK ? TACIT_PKCS11_DONE
                            : fail(TACIT_PKCS11_FAILED, failure, "C_GenerateKey", code);
  } else if (outcome == TACIT_PKCS11_DONE || outcome == TACIT_PKCS11_AMBIGUOUS) {
    outcome = fail(TACIT_PKCS11_EXISTS, failure, "C_FindObjects", 0);
  }
  end(module, session);
  return outcome;
}
