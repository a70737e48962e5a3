// SPDX-License-Identifier: Apache-2.0
// CRLs of a signer that takes its time, or is away: the queue of lists that are to be signed fills, and
// empties again; what an earlier process has signed is given out.
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
class HeldCrypto final : public crypto::OpenSslCrypto {
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

  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override {
    wait();
    return OpenSslCrypto::sign(key, algorithm, message, out);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          Bytes digest, MutableBytes out) const noexcept override {
    wait();
    return OpenSslCrypto::sign_digest(key, algorithm, digest, out);
  }

 private:
  void wait() const noexcept {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
  }

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

/// Lists in memory, as they were left.
class Shelf final : public http::CrlShelf {
 public:
  void put(const http::CrlName& name, std::string_view der) override {
    const std::lock_guard lock(mutex_);
    kept_[name] = der;
    ++puts_;
  }
  std::optional<std::string> get(const http::CrlName& name) override {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(name);
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<http::CrlName, std::string> kept_;
  int puts_ = 0;

 private:
  std::mutex mutex_;
};

class CrlShelf : public CrlQueue {
 protected:
  /// Another process begins, with or without the intermediates' keys.
  void begin(bool keys) {
    lists_.reset();
    std::vector<authority::Issuer> issuers;
    for (std::size_t i = 0; i < engine_->issuers().size(); ++i) {
      const authority::Issuer& one = engine_->issuers()[i];
      std::optional<crypto::PrivateKey> key;
      if (keys) key = keys_[i].view();
      issuers.push_back(authority::Issuer::make(engine_->config(), one.config(), one.chain(), key).value());
    }
    const authority::Config config = engine_->config();
    const authority::Der root = engine_->root();
    engine_.emplace(crypto_, config, root, std::move(issuers), Sha256{});
    lists_.emplace(*engine_, *store_, [this] { return now_.load(); });
    lists_->keep_on(&shelf_);
  }
  http::Response get(const std::string& name) {
    const std::size_t count = answers_.count(name);
    ask(name);
    return answers_.wait(name, count + 1).back();
  }

  Shelf shelf_;
};

TEST_F(CrlShelf, AListOfAnEarlierProcessIsGivenOutWhileTheKeyIsAway) {
  begin(false);
  EXPECT_EQ(get("vendor").status, 503U) << "nobody has signed one";
  begin(true);
  const http::Response whole = get("vendor");
  const http::Response delta = get("vendor/delta");
  ASSERT_EQ(whole.status, 200U) << whole.body;
  ASSERT_EQ(delta.status, 200U) << delta.body;
  EXPECT_EQ(shelf_.puts_, 2);
  begin(false);
  const http::Response again = get("vendor");
  ASSERT_EQ(again.status, 200U) << again.body;
  EXPECT_EQ(*again.shared, *whole.shared);
  EXPECT_EQ(*get("vendor/delta").shared, *delta.shared);
  // It should be made anew, and cannot.
  now_ += http::CrlLists::kRenewal + 1;
  begin(false);
  EXPECT_EQ(*get("vendor").shared, *whole.shared);
  EXPECT_EQ(get("vendor/delta").status, 503U) << "an hour is over, and so is this one";
  now_ -= http::CrlLists::kRenewal + 1;
  // The key is back, and what the settings say by now.
  begin(true);
  EXPECT_NE(*get("vendor").shared, *whole.shared);
  EXPECT_EQ(shelf_.puts_, 3);
  now_ += 400 * 86400;
  begin(false);
  EXPECT_EQ(get("vendor").status, 503U) << "it is over";
}

TEST_F(CrlShelf, WhatTheIssuerHasNotSignedIsNotGivenOut) {
  begin(true);
  ASSERT_EQ(get("vendor").status, 200U);
  ASSERT_EQ(get("acme").status, 200U);
  ASSERT_EQ(get("vendor/delta").status, 200U);
  const auto good = shelf_.kept_;
  const http::CrlName vendor{"vendor"};
  const auto status_with = [&](const std::string& der) {
    shelf_.kept_ = good;
    shelf_.kept_[vendor] = der;
    begin(false);
    return get("vendor").status;
  };
  EXPECT_EQ(status_with(good.at(vendor)), 200U);
  std::string forged = good.at(vendor);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  EXPECT_EQ(status_with(forged), 503U);
  EXPECT_EQ(status_with(good.at(vendor).substr(0, 100)), 503U);
  EXPECT_EQ(status_with(""), 503U);
  EXPECT_EQ(status_with(good.at({"acme"})), 503U) << "another's";
  EXPECT_EQ(status_with(good.at({"vendor", {}, true})), 503U) << "what has changed is not the whole";
}

}  // namespace
}  // namespace pedigree::testing
