// SPDX-License-Identifier: Apache-2.0
// An answer comes after its row is synced, and a write or sync that fails loses nothing that was answered.
// Killing a process cannot show that, since the page cache outlives it; so SQLite runs here on files that
// keep count.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <future>

#include "crypto/openssl/openssl_crypto.h"
#include "server/store/sqlite_store.h"
#include "testing/support/support.h"

namespace pedigree::store {
namespace {

/// What the write-ahead log's file is asked to do.
struct Disk {
  std::atomic<bool> unsynced{false};  ///< written to since the last sync
  std::atomic<int> operations{0};     ///< writes and syncs
  std::atomic<int> fail_at{0};        ///< the operation that fails, and all after it; 0: none

  bool fails() {
    const int number = ++operations;
    return fail_at != 0 && number >= fail_at;
  }
};
Disk& disk() {
  static Disk disk;
  return disk;
}

/// A file of ours in front of the real one, which follows it in memory.
struct File {
  sqlite3_file base;
  bool log;
};
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}

int write_file(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (reinterpret_cast<File*>(file)->log) {
    if (disk().fails()) return SQLITE_FULL;
    disk().unsynced = true;
  }
  return real(file)->pMethods->xWrite(real(file), data, size, offset);
}
int sync_file(sqlite3_file* file, int flags) {
  if (!reinterpret_cast<File*>(file)->log) return real(file)->pMethods->xSync(real(file), flags);
  if (disk().fails()) return SQLITE_IOERR_FSYNC;
  const int result = real(file)->pMethods->xSync(real(file), flags);
  if (result == SQLITE_OK) disk().unsynced = false;
  return result;
}

/// Everything else goes to the real file.
template <auto Method, typename... Arguments>
int pass(sqlite3_file* file, Arguments... arguments) {
  return (real(file)->pMethods->*Method)(real(file), arguments...);
}
void barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}

const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = pass<&sqlite3_io_methods::xClose>,
    .xRead = pass<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = write_file,
    .xTruncate = pass<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    .xSync = sync_file,
    .xFileSize = pass<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = pass<&sqlite3_io_methods::xLock, int>,
    .xUnlock = pass<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = pass<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = pass<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = pass<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = pass<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = pass<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    .xShmLock = pass<&sqlite3_io_methods::xShmLock, int, int, int>,
    .xShmBarrier = barrier,
    .xShmUnmap = pass<&sqlite3_io_methods::xShmUnmap, int>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

sqlite3_vfs* system_files() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  return vfs;
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* ours = reinterpret_cast<File*>(file);
  ours->log = (flags & SQLITE_OPEN_WAL) != 0;
  const int result = system_files()->xOpen(system_files(), name, real(file), flags, out);
  ours->base.pMethods = real(file)->pMethods == nullptr ? nullptr : &kMethods;
  return result;
}

class Durability : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    static sqlite3_vfs vfs = *system_files();
    vfs.zName = "counted";
    vfs.szOsFile += static_cast<int>(sizeof(File));
    vfs.xOpen = open_file;
    ASSERT_EQ(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
  }
  void SetUp() override { disk().fail_at = 0; }
  void TearDown() override { disk().fail_at = 0; }

  std::unique_ptr<registry::Store> open() {
    auto store = open_store({.file = folder_ / "db"}, crypto_);
    return store ? *std::move(store) : nullptr;
  }
  static registry::Issuance issuance(std::uint8_t high, std::uint8_t low) {
    registry::Issuance made;
    made.certificate.serial = {0x11, high, low};
    made.certificate.device = {0x01, high, low};
    made.certificate.key = {high, low};
    made.certificate.profile = "iak";
    made.certificate.issuer = "acme";
    made.certificate.der.assign(600, 0x30);
    return made;
  }
  /// Issues and waits. True: answered with the certificate.
  static bool issue(registry::Store& store, std::uint8_t high, std::uint8_t low) {
    std::promise<bool> answer;
    store.issue(issuance(high, low), [&](const auto& outcome) { answer.set_value(outcome.has_value()); });
    return answer.get_future().get();
  }

  crypto::OpenSslCrypto crypto_;
  testing::TempDir folder_;
};

TEST_F(Durability, AnAnswerComesAfterTheRowIsSynced) {
  const auto store = open();
  ASSERT_NE(store, nullptr);
  constexpr int kMany = 2000;  // enough for groups, and for checkpoints of the log
  std::atomic<int> synced{0};
  std::atomic<int> stored{0};
  std::promise<void> finished;
  std::atomic<int> left{kMany};
  for (int i = 0; i < kMany; ++i) {
    const auto made = issuance(static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i & 0xff));
    store->issue(made, [&, serial = made.certificate.serial](const auto& outcome) {
      if (outcome && !disk().unsynced) ++synced;
      if (store->certificate(serial)) ++stored;  // on a connection of its own: what is committed
      if (--left == 0) finished.set_value();
    });
  }
  finished.get_future().wait();
  EXPECT_EQ(synced, kMany);
  EXPECT_EQ(stored, kMany);
}

TEST_F(Durability, AFailureAtAnyWriteLosesNothingThatWasAnswered) {
  std::size_t refused = 0;
  for (std::uint8_t n = 1; n <= 40; ++n) {
    std::vector<std::uint8_t> answered;
    {
      const auto store = open();
      ASSERT_NE(store, nullptr);
      disk().fail_at = disk().operations + n;
      for (std::uint8_t i = 0; i < 6; ++i) {
        if (issue(*store, n, i)) answered.push_back(i);
      }
      refused += 6 - answered.size();
      disk().fail_at = 0;
      ASSERT_TRUE(issue(*store, n, 99)) << "served again once the disk has room, after failure at " << int{n};
    }
    const auto store = open();
    ASSERT_NE(store, nullptr);
    for (const std::uint8_t i : answered) {
      EXPECT_TRUE(store->certificate(issuance(n, i).certificate.serial)) << int{n} << " " << int{i};
    }
    for (std::uint8_t i = 0; i < 6; ++i) EXPECT_TRUE(issue(*store, n, i)) << "a retry gets its certificate";
    EXPECT_EQ(store->certificates(issuance(n, 0).certificate.device)->size(), 1U);
  }
  EXPECT_GT(refused, 40U) << "the failures were met";
}

}  // namespace
}  // namespace pedigree::store
