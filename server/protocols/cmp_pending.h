// SPDX-License-Identifier: Apache-2.0
// CMP transactions that wait for the client's certConf: one for each transactionID, a bounded number of them,
// for a bounded time.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

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
  /// already. `signer`: SHA-256 of the signer's certificate. What waited too long goes first. Where no place
  /// is free, the signer that has most gives up its oldest, unless this one would then have as many: so who
  /// has few always gets in, and those who fill the table among themselves end none of each other's.
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
  using Ids = std::list<std::string_view>;  // views of the keys of entries_
  struct Entry {
    std::shared_ptr<CmpTransaction> transaction;
    Sha256 signer{};
    der::UnixTime since = 0;
    Ids::iterator place{};  ///< in of_signer_
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  void expire_locked(der::UnixTime now);
  Entries::iterator erase(Entries::iterator entry);
  /// Makes a place for a signer that has so many; false: none is to be had.
  [[nodiscard]] bool make_place(std::size_t has);

  Limits limits_;
  std::mutex mutex_;
  Entries entries_;
  std::map<Sha256, Ids> of_signer_;  ///< the oldest first; none is empty
};

}  // namespace pedigree::protocols
