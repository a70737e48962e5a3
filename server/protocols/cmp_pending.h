// SPDX-License-Identifier: Apache-2.0
// CMP transactions that wait for the client's certConf: one for each transactionID, a bounded number of them,
// for a bounded time.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "core/bytes/bytes.h"
#include "core/der/der.h"

namespace pedigree::protocols {

class CmpTransaction;

class CmpPending {
 public:
  struct Limits {
    std::size_t all = 1024;       ///< transactions
    std::size_t of_one = 64;      ///< of one signer, so that none keeps the others out
    der::UnixTime seconds = 300;  ///< from its begin to its certConf
  };
  enum class Kept : std::uint8_t { kept, in_use, full };

  CmpPending() = default;
  explicit CmpPending(const Limits& limits) : limits_(limits) {}

  /// Takes a place, which must be had before anything is issued. in_use: a transaction of this id waits
  /// already. `signer`: SHA-256 of the signer's certificate. What waited too long goes first.
  [[nodiscard]] Kept keep(Bytes id, const Sha256& signer, std::shared_ptr<CmpTransaction> transaction,
                          der::UnixTime now);
  /// The transaction of this id, which stays; null where none waits.
  [[nodiscard]] std::shared_ptr<CmpTransaction> find(Bytes id, der::UnixTime now);
  /// Ends this transaction, where it waits under this id.
  void drop(Bytes id, const CmpTransaction* transaction);
  /// Forgets what waited too long. What was issued in it stays issued.
  void expire(der::UnixTime now);
  [[nodiscard]] std::size_t size();

 private:
  struct Entry {
    std::shared_ptr<CmpTransaction> transaction;
    Sha256 signer{};
    der::UnixTime since = 0;
  };
  void expire_locked(der::UnixTime now);

  Limits limits_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<Sha256, std::size_t> of_signer_;
};

}  // namespace pedigree::protocols
