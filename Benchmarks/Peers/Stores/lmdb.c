// Plain LMDB: one transaction for each group, keys where they belong, the commit that syncs.
#include <lmdb.h>

#include "work.h"

static MDB_env *env;
static MDB_dbi table;
static MDB_txn *group;
static MDB_txn *reader;

static void open_store(const char *directory) {
  require(mdb_env_create(&env) == 0, "mdb_env_create");
  require(mdb_env_set_mapsize(env, (size_t)64 << 30) == 0, "mdb_env_set_mapsize");
  require(mdb_env_open(env, directory, MDB_NORDAHEAD, 0600) == 0, "mdb_env_open");
  begin_group();
  require(mdb_dbi_open(group, NULL, 0, &table) == 0, "mdb_dbi_open");
  end_group();
}

static void begin_group(void) { require(mdb_txn_begin(env, NULL, 0, &group) == 0, "begin"); }

static void put(const unsigned char *key, const unsigned char *value) {
  MDB_val k = {KEY_BYTE_COUNT, (void *)key}, v = {VALUE_BYTE_COUNT, (void *)value};
  require(mdb_put(group, table, &k, &v, 0) == 0, "put");
}

static void end_group(void) { require(mdb_txn_commit(group) == 0, "commit"); }

// Each get has a snapshot of its own, as each read of the sealed store has.
static long get(const unsigned char *key) {
  MDB_val k = {KEY_BYTE_COUNT, (void *)key}, v;
  if (reader == NULL) require(mdb_txn_begin(env, NULL, MDB_RDONLY, &reader) == 0, "begin");
  else require(mdb_txn_renew(reader) == 0, "renew");
  int code = mdb_get(reader, table, &k, &v);
  char copy[VALUE_BYTE_COUNT];
  if (code == 0 && v.mv_size == sizeof copy) memcpy(copy, v.mv_data, sizeof copy);
  long byte_count = code == 0 ? (long)v.mv_size : -1;
  mdb_txn_reset(reader);
  return byte_count;
}

static void close_store(void) {
  if (reader != NULL) mdb_txn_abort(reader);
  mdb_env_close(env);
}

int main(int count, char **words) { return run(count, words); }
