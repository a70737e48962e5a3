// SPDX-License-Identifier: Apache-2.0
// The sessions of one token.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "crypto/pkcs11/module.h"
#include "crypto/pkcs11/objects.h"

namespace pedigree::pkcs11 {

/// One in a process for each token, shared by the keys in it.
class Token {
 public:
  Token(std::shared_ptr<Module> module, Uri uri, std::string_view pin, const Limits& limits);
  ~Token();
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  /// The token that the URI names, shared with whoever has it already, who then gave the PIN. Errors:
  /// io_failure.
  [[nodiscard]] static Result<std::shared_ptr<Token>> get(const Uri& uri, std::string_view pin,
                                                          const Limits& limits);

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
    ~Lease() {
      if (token_ != nullptr) token_->give_back(session_, epoch_);
    }
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
  /// Errors: key_not_found (away), wrong_passphrase (for good), timeout, crypto_failure.
  [[nodiscard]] Result<Lease> lease();
  /// What was done in a session of this epoch failed as if the token were away: the next lease looks for it.
  void lost(std::uint64_t epoch);

 private:
  using Clock = std::chrono::steady_clock;
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
  Clock::time_point next_attempt_{};
};

}  // namespace pedigree::pkcs11
