// SPDX-License-Identifier: Apache-2.0
// The sessions of one token.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "crypto/pkcs11/module.h"
#include "crypto/pkcs11/objects.h"

namespace pedigree::pkcs11 {

class Token;

/// A session, lent to one thread, and the libraries that stay started meanwhile.
class Lease {
 public:
  Lease(Lease&& other) noexcept
      : token_(std::exchange(other.token_, nullptr)),
        session_(other.session_),
        slot_(other.slot_),
        epoch_(other.epoch_),
        use_(std::move(other.use_)) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Lease& operator=(Lease&&) = delete;
  ~Lease();
  [[nodiscard]] const Session& session() const noexcept { return session_; }
  /// The token's own, for sessions of another kind.
  [[nodiscard]] const Slot& slot() const noexcept { return slot_; }
  /// Which of the token's appearances the session belongs to: handles of objects count for one.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

 private:
  friend class Token;
  Lease(Token& token, Session session, const Slot& slot, std::uint64_t epoch, Module::Use use)
      : token_(&token), session_(session), slot_(slot), epoch_(epoch), use_(std::move(use)) {}
  Token* token_;
  Session session_;
  Slot slot_;
  std::uint64_t epoch_;
  Module::Use use_;
};

/// One in a process for each token, shared by the keys in it.
class Token {
 public:
  Token(std::shared_ptr<Module> module, Uri uri, std::string_view pin, const Limits& limits);
  ~Token();
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  /// The token that the URI names, shared with whoever has it already. A PIN replaces one that the token has
  /// not taken. Errors: io_failure, wrong_passphrase (it has taken another one).
  [[nodiscard]] static Result<std::shared_ptr<Token>> get(const Uri& uri, std::string_view pin,
                                                          const Limits& limits);

  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  /// Errors: key_not_found (away), too_many (several are named like that), wrong_passphrase (until another
  /// PIN is given), timeout.
  [[nodiscard]] Result<Lease> lease();
  /// What was done in a session of this epoch failed as if the token were away: the next lease looks for it.
  void lost(std::uint64_t epoch);

 private:
  friend class Lease;
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] bool take_pin(std::string_view pin);
  Result<void> connect(std::unique_lock<std::mutex>& lock, Clock::time_point deadline);
  Result<Session> appear(const Module::Use& use, Slot& slot);
  Result<Session> log_in(const Slot& slot);
  void give_back(const Session& session, std::uint64_t epoch) noexcept;

  std::shared_ptr<Module> module_;
  const Uri uri_;
  std::string pin_;
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CK_SESSION_HANDLE> idle_;
  unsigned open_ = 0;  ///< sessions of this epoch, lent or idle
  unsigned lent_ = 0;  ///< of any epoch
  Slot slot_;
  std::uint64_t epoch_ = 0;
  std::uint64_t generation_ = 0;  ///< the module's, when the token appeared
  bool present_ = false;
  bool connecting_ = false;
  bool pin_refused_ = false;
  bool pin_taken_ = false;
  ErrorCode missing_ = ErrorCode::key_not_found;  ///< what the last look for it ended with
  Clock::time_point next_attempt_{};
};

}  // namespace pedigree::pkcs11
