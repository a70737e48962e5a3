// SPDX-License-Identifier: Apache-2.0
// CRLs as they are given out: of an issuer's certificates all, a part, or what has changed (RFC 5280 5). Each
// list is signed once, in a thread of its own, and kept until something in it has changed.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "authority/engine.h"
#include "registry/store.h"
#include "server/http/handler.h"
#include "server/http/off_loop.h"

namespace pedigree::http {

/// Which list of an issuer.
struct CrlName {
  std::string issuer;
  std::optional<std::uint32_t> partition{};
  bool delta = false;

  auto operator<=>(const CrlName&) const = default;
};
/// "vendor", "vendor/0000001f" (8 lower-case hex digits) or "vendor/delta". Empty: none of these.
[[nodiscard]] std::optional<CrlName> parse_crl_name(std::string_view path);

struct CrlTimes {
  std::string issuer;
  der::UnixTime made = 0, next_update = 0;
};

/// Where signed lists outlive the process.
class CrlShelf {
 public:
  virtual ~CrlShelf() = default;
  /// Puts a list there, DER, in place of the one of that name; one that cannot be kept is lost.
  virtual void put(const CrlName& name, std::string_view der) = 0;
  /// What was put there; empty: nothing that can be read. It is not to be trusted before it is verified.
  [[nodiscard]] virtual std::optional<std::string> get(const CrlName& name) = 0;
};

class CrlLists {
 public:
  /// Seconds after which a list is made anew though nothing has changed; less where it is valid for less than
  /// four times as long.
  static constexpr der::UnixTime kRenewal = 3600;
  /// Octets of lists of parts that are kept.
  static constexpr std::size_t kMaxKept = std::size_t{64} << 20;

  /// Borrows engine and store. `clock` gives Unix time. `generation` differs after every revocation
  /// (RegistryStatus::generation); empty: the registry is asked each time.
  CrlLists(const authority::Engine& engine, registry::Store& store, std::function<der::UnixTime()> clock);
  /// Ends what was begun.
  ~CrlLists();

  /// Before the first list is asked for.
  void see_changes_by(std::function<std::uint64_t()> generation) { generation_ = std::move(generation); }
  /// Before the first list is asked for. Borrowed: lists are put there, and those of an earlier process are
  /// taken from there where none can be made.
  void keep_on(CrlShelf* shelf) { shelf_ = shelf; }
  /// Ends what was begun; from then on nothing is made.
  void stop() { threads_.reset(); }
  /// Of the newest whole CRL of each issuer that was asked for one.
  [[nodiscard]] std::vector<CrlTimes> times();

  /// Answers with the list, or 304 where `if_none_match` (RFC 9110 13.1.2) names it. A list that cannot be
  /// renewed (the database or the key is away) is given out until its nextUpdate. One that takes long to make
  /// is not made anew before ten times as long has passed, ten minutes at most.
  void get(const CrlName& wanted, std::string_view if_none_match, Respond respond);

 private:
  struct List {
    std::shared_ptr<const std::string> der;  ///< null: not made yet
    std::uint64_t number = 0;                ///< revoked certificates of its scope
    std::uint64_t generation = 0;            ///< of the registry when it was known to be complete
    der::UnixTime made = 0, renew = 0, next_update = 0;
    der::UnixTime hold = 0;  ///< not made anew before
  };
  struct Waiter {
    std::string if_none_match;
    Respond respond;
  };
  struct Entry {
    List list;
    bool making = false;
    std::vector<Waiter> waiting;
  };

  [[nodiscard]] bool is_usable(const List& list, der::UnixTime now) const;
  void make(const CrlName& name);
  /// A list of an earlier process, if its issuer has signed it, and it is not over.
  [[nodiscard]] List take_down(const CrlName& name);
  /// Keeps what was made, or the old list where it could not be and is still valid, and answers who waits.
  void finish(const CrlName& name, authority::Answer<List> renewed);
  /// The list again where nothing in it has changed, else a new one.
  [[nodiscard]] authority::Answer<List> renew(const CrlName& name, const List& old);
  [[nodiscard]] authority::Answer<List> sign(const CrlName& name, const registry::CrlScope& scope,
                                             authority::CrlSpec spec);
  [[nodiscard]] static Response answer(const List& list, std::string_view if_none_match);
  void forget_parts();

  const authority::Engine& engine_;
  registry::Store& store_;
  std::function<der::UnixTime()> clock_;
  std::function<std::uint64_t()> generation_;
  std::mutex mutex_;
  std::map<CrlName, Entry> entries_;
  std::size_t kept_ = 0;  ///< octets of lists of parts
  std::unique_ptr<SigningThreads> threads_;
  CrlShelf* shelf_ = nullptr;
};

}  // namespace pedigree::http
