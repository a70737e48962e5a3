// SPDX-License-Identifier: Apache-2.0
// CRLs of a signer that takes its time: the queue of lists that are to be signed fills, and empties again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <ctime>
#include <map>
#include <mutex>

#include "crypto/openssl/openssl_crypto.h"
#include "server/app/directory.h"
#include "server/http/crl_lists.h"
#include "server/store/sqlite_store.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

/// OpenSSL, which signs only when it is let.
class HeldCrypto final : public crypto::Crypto {
 public:
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  /// Waits until somebody waits for a signature.
  bool wait_until_asked() const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(2), [this] { return waiting_ > 0; });
  }

  [[nodiscard]] std::string_view backend() const noexcept override { return inner_.backend(); }
  [[nodiscard]] bool supports(crypto::KeyType type,
                              crypto::SignatureAlgorithm algorithm) const noexcept override {
    return inner_.supports(type, algorithm);
  }
  [[nodiscard]] Result<void> digest(crypto::Hash hash, std::span<const Bytes> parts,
                                    MutableBytes out) const noexcept override {
    return inner_.digest(hash, parts, out);
  }
  [[nodiscard]] Result<void> digest(crypto::Hash hash, crypto::PieceSource& source,
                                    MutableBytes out) const noexcept override {
    return inner_.digest(hash, source, out);
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept override {
    return inner_.hmac_sha256(key, parts);
  }
  [[nodiscard]] Result<void> verify(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                    Bytes message, Bytes signature) const noexcept override {
    return inner_.verify(key, algorithm, message, signature);
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                           Bytes digest, Bytes signature) const noexcept override {
    return inner_.verify_digest(key, algorithm, digest, signature);
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey& key) const noexcept override {
    return inner_.check_public_key(key);
  }
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override {
    wait();
    return inner_.sign(key, algorithm, message, out);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          Bytes digest, MutableBytes out) const noexcept override {
    wait();
    return inner_.sign_digest(key, algorithm, digest, out);
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey& key,
                                                     MutableBytes out) const noexcept override {
    return inner_.public_key(key, out);
  }
  [[nodiscard]] Result<void> random(MutableBytes out) const noexcept override { return inner_.random(out); }

 private:
  void wait() const noexcept {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
  }

  crypto::OpenSslCrypto inner_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int waiting_ = 0;
  bool held_ = false;
};

/// The answers to what was asked, by name.
class Answers {
 public:
  http::Respond take(const std::string& name) {
    return [this, name](const http::Response& response) {
      const std::lock_guard lock(mutex_);
      answers_[name].push_back(response);
      changed_.notify_all();
    };
  }
  /// Those to `name` by now, once there are so many.
  std::vector<http::Response> wait(const std::string& name, std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool done =
        changed_.wait_for(lock, std::chrono::minutes(2), [&] { return answers_[name].size() >= count; });
    EXPECT_TRUE(done) << name;
    return answers_[name];
  }
  std::size_t count(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return answers_[name].size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<http::Response>> answers_;
};

class CrlQueue : public ::testing::Test {
 protected:
  CrlQueue() {
    const app::SecretText passphrase{std::string(kPassphrase)};
    const auto directory = app::Directory::open(folder_.path(), nullptr).value();
    authority::Config config = directory->engine().config();
    config.crl_delta_hours = 1;
    std::vector<authority::Issuer> issuers;
    for (const authority::Issuer& one : directory->engine().issuers()) {
      keys_.push_back(app::open_key(folder_.layout().issuer_key(one.config().name), passphrase).value());
      issuers.push_back(
          authority::Issuer::make(config, one.config(), one.chain(), keys_.back().view()).value());
    }
    engine_.emplace(crypto_, config, directory->engine().root(), std::move(issuers), Sha256{});
    store_ = store::open_store({.file = folder_.layout().database()}, crypto_).value();
    lists_.emplace(*engine_, *store_, [this] { return now_.load(); });
  }
  ~CrlQueue() override {
    crypto_.let_go();
    lists_.reset();
  }
  void ask(const std::string& name) {
    const auto parsed = http::parse_crl_name(name);
    ASSERT_TRUE(parsed) << name;
    lists_->get(*parsed, {}, answers_.take(name));
  }
  static std::string part(std::size_t number) { return fmt::format("vendor/{:08x}", number); }
  /// With one list being signed, asks for parts until one is refused at once; gives how many were not.
  std::size_t fill(std::size_t first) {
    for (std::size_t i = 0; i < 1000; ++i) {
      const std::string name = part(first + i);
      ask(name);
      if (answers_.count(name) == 0) continue;
      const http::Response refused = answers_.wait(name, 1).front();
      EXPECT_EQ(refused.status, 503U);
      EXPECT_NE(refused.body.find("too many CRLs wait for being signed"), std::string::npos) << refused.body;
      return i;
    }
    return 1000;
  }

  static constexpr std::size_t kMost = 256;

  AuthorityFolder folder_;
  HeldCrypto crypto_;
  std::vector<crypto::OpenSslKey> keys_;
  std::optional<authority::Engine> engine_;
  std::unique_ptr<registry::Store> store_;
  std::atomic<der::UnixTime> now_ = std::time(nullptr);
  Answers answers_;
  std::optional<http::CrlLists> lists_;
};

TEST_F(CrlQueue, WhereItIsFullValidListsAreStillGivenOutAndItEmptiesAgain) {
  for (const char* name : {"vendor", "acme"}) ask(name);
  const http::Response first = answers_.wait("vendor", 1).front();
  const http::Response other = answers_.wait("acme", 1).front();
  ASSERT_EQ(first.status, 200U) << first.body;
  ASSERT_EQ(other.status, 200U) << other.body;
  for (std::size_t round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    // Both are to be made anew, and good for a while yet.
    now_ += http::CrlLists::kRenewal + 1;
    crypto_.hold();
    ask("vendor");
    ASSERT_TRUE(crypto_.wait_until_asked());
    // Whoever wants the same list waits for the same signature.
    ask("vendor");
    const std::size_t from = 1000 * (round + 1);
    EXPECT_EQ(fill(from), kMost - 1) << "beside the one that is being signed";
    EXPECT_EQ(answers_.count("vendor"), 1 + 2 * round);

    // A list that is still valid is answered at once, and the same; one that was never made is not.
    ask("acme");
    ASSERT_EQ(answers_.count("acme"), 2 + 2 * round);
    const http::Response kept = answers_.wait("acme", 2 + 2 * round).back();
    EXPECT_EQ(kept.status, 200U) << kept.body;
    const http::Response before = answers_.wait("acme", 1 + 2 * round).at(2 * round);
    ASSERT_TRUE(kept.shared && before.shared);
    EXPECT_EQ(*kept.shared, *before.shared);
    ask("acme/delta");
    EXPECT_EQ(answers_.wait("acme/delta", 1 + round).back().status, 503U);

    crypto_.let_go();
    for (const http::Response& one : answers_.wait("vendor", 3 + 2 * round)) EXPECT_EQ(one.status, 200U);
    for (std::size_t i = 0; i + 1 < kMost; ++i) {
      const auto answer = answers_.wait(part(from + i), 1);
      EXPECT_EQ(answer.size(), 1U);
      EXPECT_EQ(answer.front().status, 404U) << "no certificate names it";
    }
    ask("acme");
    const http::Response renewed = answers_.wait("acme", 3 + 2 * round).back();
    EXPECT_EQ(renewed.status, 200U);
    EXPECT_NE(*renewed.shared, *kept.shared) << "which is made anew, now that there is room";
  }
}

}  // namespace
}  // namespace pedigree::testing
