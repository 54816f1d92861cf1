// SQLite: a table by key without rowid, the write-ahead log synced at every commit
// (synchronous=FULL), prepared statements, one transaction for each group.
#include <sqlite3.h>

#include "work.h"

static sqlite3 *database;
static sqlite3_stmt *insert, *select_value, *begin, *commit;

static void execute(const char *text) {
  require(sqlite3_exec(database, text, NULL, NULL, NULL) == SQLITE_OK, text);
}

static sqlite3_stmt *prepared(const char *text) {
  sqlite3_stmt *statement = NULL;
  require(sqlite3_prepare_v2(database, text, -1, &statement, NULL) == SQLITE_OK, text);
  return statement;
}

static void step(sqlite3_stmt *statement, int expected, const char *what) {
  require(sqlite3_step(statement) == expected, what);
}

static void open_store(const char *directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/store.sqlite", directory);
  require(sqlite3_open(path, &database) == SQLITE_OK, "sqlite3_open");
  execute("PRAGMA journal_mode=WAL");
  execute("PRAGMA synchronous=FULL");
  execute("PRAGMA cache_size=-1048576");
  execute("PRAGMA mmap_size=8589934592");
  execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
  insert = prepared("INSERT OR REPLACE INTO rows VALUES (?1, ?2)");
  select_value = prepared("SELECT value FROM rows WHERE key = ?1");
  begin = prepared("BEGIN IMMEDIATE");
  commit = prepared("COMMIT");
}

static void begin_group(void) {
  step(begin, SQLITE_DONE, "begin");
  sqlite3_reset(begin);
}

static void put(const unsigned char *key, const unsigned char *value) {
  sqlite3_bind_blob(insert, 1, key, KEY_BYTE_COUNT, SQLITE_STATIC);
  sqlite3_bind_blob(insert, 2, value, VALUE_BYTE_COUNT, SQLITE_STATIC);
  step(insert, SQLITE_DONE, "put");
  sqlite3_reset(insert);
}

static void end_group(void) {
  step(commit, SQLITE_DONE, "commit");
  sqlite3_reset(commit);
}

static long get(const unsigned char *key) {
  sqlite3_bind_blob(select_value, 1, key, KEY_BYTE_COUNT, SQLITE_STATIC);
  long byte_count = -1;
  if (sqlite3_step(select_value) == SQLITE_ROW)
    byte_count = sqlite3_column_bytes(select_value, 0);
  char copy[VALUE_BYTE_COUNT];
  if (byte_count == sizeof copy)
    memcpy(copy, sqlite3_column_blob(select_value, 0), sizeof copy);
  sqlite3_reset(select_value);
  return byte_count;
}

static void close_store(void) {
  sqlite3_finalize(insert);
  sqlite3_finalize(select_value);
  sqlite3_finalize(begin);
  sqlite3_finalize(commit);
  sqlite3_close(database);
}

int main(int count, char **words) { return run(count, words); }
