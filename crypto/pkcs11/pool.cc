// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11/pool.h"

#include <algorithm>
#include <map>

namespace pedigree::pkcs11 {
namespace {

bool is_refusal_of_pin(CK_RV value) {
  switch (value) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
      return true;
    default:
      return false;
  }
}

}  // namespace

Lease::~Lease() {
  if (token_ != nullptr) token_->give_back(session_, epoch_);
}

Token::Token(std::shared_ptr<Module> module, Uri uri, std::string_view pin, const Limits& limits)
    : module_(std::move(module)), uri_(std::move(uri)), pin_(pin), limits_(limits) {}

Token::~Token() {
  wipe({reinterpret_cast<std::uint8_t*>(pin_.data()), pin_.size()});
  const auto use = module_->use(limits_.wait);
  if (use && present_ && use->generation() == generation_) (void)slot_.library->C_CloseAllSessions(slot_.id);
}

Result<std::shared_ptr<Token>> Token::get(const Uri& uri, std::string_view pin, const Limits& limits) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Token>> known;
  const std::lock_guard lock(mutex);
  std::weak_ptr<Token>& entry = known[uri.token_part()];
  // One login counts for all sessions of a process, so a second Token would not have its PIN looked at, and
  // closing its sessions would close the first one's.
  if (auto token = entry.lock()) {
    if (!token->take_pin(pin)) return fail(ErrorCode::wrong_passphrase);
    return token;
  }
  PEDIGREE_ASSIGN(auto module, Module::load(uri.module_path()));
  auto token = std::make_shared<Token>(std::move(module), uri, pin, limits);
  entry = token;
  return token;
}

bool Token::take_pin(std::string_view pin) {
  std::unique_lock lock(mutex_);
  if (pin == pin_) return true;
  // Another PIN than one that was taken is a mistake.
  const bool settled = changed_.wait_for(lock, limits_.wait, [this] { return !connecting_; });
  if (pin_taken_ || !settled) return false;
  wipe({reinterpret_cast<std::uint8_t*>(pin_.data()), pin_.size()});
  pin_ = pin;
  pin_refused_ = false;
  next_attempt_ = {};
  return true;
}

Result<Lease> Token::lease() {
  const Clock::time_point deadline = Clock::now() + limits_.wait;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (pin_refused_) return fail(ErrorCode::wrong_passphrase);
    if (!present_) {
      PEDIGREE_TRY(connect(lock, deadline));
      continue;
    }
    const unsigned most =
        slot_.max_sessions == 0
            ? limits_.sessions
            : static_cast<unsigned>(std::min<unsigned long>(limits_.sessions, slot_.max_sessions));
    const bool fresh = idle_.empty();
    if (fresh && open_ >= most) {
      if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) return fail(ErrorCode::timeout);
      continue;
    }
    // Taken before the lock goes, so that nobody ends the libraries between.
    auto use = module_->use(std::chrono::milliseconds(0));
    if (!use || use->generation() != generation_) {
      // Another token's keeper has started them anew.
      present_ = false;
      next_attempt_ = {};
      continue;
    }
    Session session{slot_.library, 0};
    if (!fresh) {
      session.handle = idle_.back();
      idle_.pop_back();
      ++lent_;
      return Lease(*this, session, slot_, epoch_, *std::move(use));
    }
    ++open_;
    ++lent_;
    const std::uint64_t epoch = epoch_;
    const Slot slot = slot_;
    lock.unlock();
    const CK_RV opened =
        session.library->C_OpenSession(slot.id, CKF_SERIAL_SESSION, nullptr, nullptr, &session.handle);
    if (opened == CKR_OK) return Lease(*this, session, slot, epoch, *std::move(use));
    lock.lock();
    --lent_;
    changed_.notify_all();
    if (epoch == epoch_) {
      --open_;
      // Fewer than it said; whoever has one gives it back.
      if (opened == CKR_SESSION_COUNT && open_ > 0) {
        slot_.max_sessions = open_;
      } else {
        present_ = false;
      }
    }
  }
}

Result<void> Token::connect(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) {
  if (connecting_) {
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) return fail(ErrorCode::timeout);
    return present_ || connecting_ ? Result<void>() : fail(ErrorCode::key_not_found);
  }
  if (Clock::now() < next_attempt_) return fail(missing_);
  connecting_ = true;
  ++epoch_;
  open_ = 0;
  idle_.clear();
  // Libraries do not like a session to be closed while it is used.
  if (!changed_.wait_until(lock, deadline, [this] { return lent_ == 0; })) {
    connecting_ = false;
    changed_.notify_all();
    return fail(ErrorCode::timeout);
  }
  lock.unlock();
  Slot slot;
  Result<Session> session = fail(ErrorCode::key_not_found);
  std::uint64_t generation = 0;
  for (int attempt = 0; attempt < 2 && !session; ++attempt) {
    auto use = module_->use(limits_.wait);
    if (!use) break;
    generation = use->generation();
    session = appear(*use, slot);
    if (session || attempt > 0 || session.error().code != ErrorCode::key_not_found) break;
    use = fail(ErrorCode::timeout);  // lets go of the libraries
    if (!module_->restart(generation, limits_.wait)) break;
  }
  lock.lock();
  connecting_ = false;
  next_attempt_ = Clock::now() + limits_.pause;
  if (session) {
    present_ = true;
    pin_taken_ = true;
    slot_ = slot;
    generation_ = generation;
    idle_.push_back(session->handle);
    open_ = 1;
  } else {
    missing_ = session.error().code;
    pin_refused_ = missing_ == ErrorCode::wrong_passphrase;
  }
  changed_.notify_all();
  if (!session) return std::unexpected(session.error());
  return {};
}

Result<Session> Token::appear(const Module::Use& use, Slot& slot) {
  PEDIGREE_ASSIGN(slot, find_token(use.libraries(), uri_));
  // What is left of an earlier appearance; it also ends the login of that.
  (void)slot.library->C_CloseAllSessions(slot.id);
  return log_in(slot);
}

Result<Session> Token::log_in(const Slot& slot) {
  Session session{slot.library, 0};
  if (slot.library->C_OpenSession(slot.id, CKF_SERIAL_SESSION, nullptr, nullptr, &session.handle) != CKR_OK) {
    return fail(ErrorCode::key_not_found);
  }
  if (pin_.empty()) return session;
  const CK_RV done = slot.library->C_Login(session.handle, CKU_USER,
                                           reinterpret_cast<CK_UTF8CHAR*>(pin_.data()), pin_.size());
  if (done == CKR_OK || done == CKR_USER_ALREADY_LOGGED_IN) return session;
  (void)slot.library->C_CloseSession(session.handle);
  return fail(is_refusal_of_pin(done) ? ErrorCode::wrong_passphrase : ErrorCode::key_not_found);
}

void Token::lost(std::uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  if (epoch != epoch_ || !present_) return;
  present_ = false;
  next_attempt_ = {};
  changed_.notify_all();
}

void Token::give_back(const Session& session, std::uint64_t epoch) noexcept {
  const std::lock_guard lock(mutex_);
  --lent_;
  // One of an earlier appearance is closed with all others.
  if (epoch == epoch_) idle_.push_back(session.handle);
  changed_.notify_all();
}

}  // namespace pedigree::pkcs11
