// RocksDB: one WriteBatch for each group with WriteOptions.sync, its defaults but for two
// background threads, a Bloom filter and a block cache that holds every row.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <string>

#include "work.h"

static rocksdb::DB *database;
static rocksdb::WriteBatch *group;

static void open_store(const char *directory) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.IncreaseParallelism(2);
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.block_cache = rocksdb::NewLRUCache(1 << 30);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  require(rocksdb::DB::Open(options, directory, &database).ok(), "DB::Open");
  group = new rocksdb::WriteBatch();
}

static void begin_group(void) { group->Clear(); }

static rocksdb::Slice slice(const unsigned char *bytes, size_t byte_count) {
  return rocksdb::Slice(reinterpret_cast<const char *>(bytes), byte_count);
}

static void put(const unsigned char *key, const unsigned char *value) {
  require(group->Put(slice(key, KEY_BYTE_COUNT), slice(value, VALUE_BYTE_COUNT)).ok(), "put");
}

static void end_group(void) {
  rocksdb::WriteOptions options;
  options.sync = true;
  require(database->Write(options, group).ok(), "write");
}

static long get(const unsigned char *key) {
  rocksdb::PinnableSlice value;
  rocksdb::Status status = database->Get(
      rocksdb::ReadOptions(), database->DefaultColumnFamily(), slice(key, KEY_BYTE_COUNT), &value);
  char copy[VALUE_BYTE_COUNT];
  if (status.ok() && value.size() == sizeof copy) memcpy(copy, value.data(), sizeof copy);
  return status.ok() ? static_cast<long>(value.size()) : -1;
}

static void close_store(void) {
  delete group;
  delete database;
}

int main(int count, char **words) { return run(count, words); }
