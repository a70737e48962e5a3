// SPDX-License-Identifier: Apache-2.0
// A registry's database for one case, so that the same case runs on SQLite and on PostgreSQL:
//
//     class Thing : public testing::TestWithParam<store::Dialect> {
//       pedigree::testing::TestDatabase database_{GetParam()};
//     };
//     INSTANTIATE_TEST_SUITE_P(Databases, Thing, pedigree::testing::kEachDatabase,
//     pedigree::testing::name_of);
#pragma once

#include <gtest/gtest.h>

#include "server/store/sqlite_store.h"
#include "testing/postgres/postgres_server.h"

namespace pedigree::testing {

inline const auto kEachDatabase = ::testing::Values(store::Dialect::sqlite, store::Dialect::postgresql);
[[nodiscard]] inline std::string name_of(const ::testing::TestParamInfo<store::Dialect>& info) {
  return info.param == store::Dialect::sqlite ? "Sqlite" : "Postgresql";
}

/// An empty database: a file in a folder of its own, or one of the server that the program's cases share.
class TestDatabase {
 public:
  explicit TestDatabase(store::Dialect dialect)
      : url_(dialect == store::Dialect::sqlite ? "" : PostgresServer::shared().create_database()) {}

  [[nodiscard]] store::Dialect dialect() const noexcept {
    return url_.empty() ? store::Dialect::sqlite : store::Dialect::postgresql;
  }
  [[nodiscard]] store::StoreOptions options() const { return {.file = folder_ / "db", .url = url_}; }
  [[nodiscard]] store::Connection connect(bool writable = false) const {
    return store::Connection::open(options().location(), writable).value();
  }
  /// Changes something by hand. Throws where the database refuses.
  void edit(const std::string& sql) const {
    if (!connect(true).execute(sql.c_str())) throw std::runtime_error("refused: " + sql);
  }
  /// Octets as the database's SQL writes them.
  [[nodiscard]] std::string octets(const std::string& digits) const {
    return (dialect() == store::Dialect::sqlite ? "x'" : "'\\x") + digits + "'";
  }

 private:
  TempDir folder_;
  std::string url_;
};

}  // namespace pedigree::testing
