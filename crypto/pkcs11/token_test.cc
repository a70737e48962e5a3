// SPDX-License-Identifier: Apache-2.0
// Keys in a real token in software: many threads, a token that goes and comes back, PINs that are refused.
#include "crypto/pkcs11/token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "crypto/openssl/openssl_crypto.h"
#include "crypto/openssl/token_key.h"
#include "crypto/pkcs11/setup.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";
constexpr std::string_view kPin = "4321";

// One folder for all tests of this process: SoftHSM reads its settings when it is started, and keeps them.
class Token : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir();
    std::filesystem::create_directory(*folder_ / "tokens");
    write_file(*folder_ / "softhsm2.conf", "directories.tokendir = " + (*folder_ / "tokens").string() +
                                               "\nobjectstore.backend = file\nlog.level = ERROR\n");
    setenv("SOFTHSM2_CONF", (*folder_ / "softhsm2.conf").c_str(), 1);
    ASSERT_TRUE(pkcs11::init_token(kModule, "first", "12345678", kPin));
    ASSERT_TRUE(pkcs11::init_token(kModule, "second", "12345678", kPin));
    for (const auto& [name, type] : {std::pair{"p256", crypto::KeyType::p256},
                                     {"p384", crypto::KeyType::p384},
                                     {"rsa", crypto::KeyType::rsa2048}}) {
      ASSERT_TRUE(pkcs11::generate_key(uri(name), kPin, type)) << name;
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static pkcs11::Uri uri(const std::string& object, const std::string& token = "first") {
    return *pkcs11::Uri::parse("pkcs11:token=" + token + ";object=" + object + "?module-path=" + kModule);
  }
  /// A signature by this key, verified by another library's code.
  static Result<void> sign(const crypto::OpenSslKey& key) {
    const crypto::OpenSslCrypto crypto;
    const auto algorithm = crypto::default_algorithm(key.type());
    std::array<std::uint8_t, crypto::kMaxSignatureSize> signature{};
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> half{};
    PEDIGREE_ASSIGN(const Bytes made, crypto.sign(key.view(), algorithm, as_bytes("message"), signature));
    PEDIGREE_ASSIGN(const crypto::PublicKey half_key, crypto.public_key(key.view(), half));
    return crypto.verify(half_key, algorithm, as_bytes("message"), made);
  }
  static void move(const char* from, const char* to) {
    std::filesystem::rename(*folder_ / from, *folder_ / to);
  }

  static TempDir* folder_;
};
TempDir* Token::folder_ = nullptr;

TEST_F(Token, KeysOfEachKindSign) {
  for (const char* name : {"p256", "p384", "rsa"}) {
    const auto key = crypto::open_token_key(uri(name), kPin);
    ASSERT_TRUE(key) << name;
    EXPECT_TRUE(sign(*key)) << name;
  }
  EXPECT_EQ(pkcs11::generate_key(uri("p256"), kPin, crypto::KeyType::p256).error().code,
            ErrorCode::duplicate_key);
  EXPECT_EQ(pkcs11::generate_key(uri("ed"), kPin, crypto::KeyType::ed25519).error().code,
            ErrorCode::unsupported_algorithm);
  EXPECT_EQ(pkcs11::init_token(kModule, "first", "12345678", kPin).error().code, ErrorCode::duplicate_key);
}

TEST_F(Token, PssIsSignedToo) {
  const auto key = crypto::open_token_key(uri("rsa"), kPin);
  ASSERT_TRUE(key);
  const crypto::OpenSslCrypto crypto;
  constexpr crypto::SignatureAlgorithm kPss{crypto::Scheme::rsa_pss, crypto::Hash::sha256};
  std::array<std::uint8_t, crypto::kMaxSignatureSize> signature{};
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> half{};
  const auto made = crypto.sign(key->view(), kPss, as_bytes("message"), signature);
  ASSERT_TRUE(made);
  EXPECT_TRUE(crypto.verify(*crypto.public_key(key->view(), half), kPss, as_bytes("message"), *made));
}

TEST_F(Token, WhatIsNotThereIsSaid) {
  EXPECT_EQ(crypto::open_token_key(uri("other"), kPin).error().code, ErrorCode::key_not_found);
  EXPECT_EQ(crypto::open_token_key(uri("p256", "third"), kPin).error().code, ErrorCode::key_not_found);
  const auto unloaded = pkcs11::Uri::parse("pkcs11:object=p256?module-path=/nowhere.so");
  EXPECT_EQ(crypto::open_token_key(*unloaded, kPin).error().code, ErrorCode::io_failure);
  // Two tokens, and nothing says which.
  const auto either = pkcs11::Uri::parse(std::string("pkcs11:object=p256?module-path=") + kModule);
  EXPECT_EQ(crypto::open_token_key(*either, kPin).error().code, ErrorCode::key_not_found);
  for (const char* bad : {"file:x", "pkcs11:object=x?pin-value=1234", "pkcs11:pin-value=1;object=x",
                          "pkcs11:object=x?what=y", "pkcs11:object=x?module-path=%zz"}) {
    EXPECT_FALSE(pkcs11::Uri::parse(bad)) << bad;
  }
}

TEST_F(Token, AUriForAnotherKeyOfTheTokenKeepsTheRest) {
  const auto one = pkcs11::Uri::parse("pkcs11:token=a%20b;object=c;id=%01?module-path=/m.so&pin-source=/p");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->token_label(), "a b");
  EXPECT_EQ(one->with_object("d/e"), "pkcs11:token=a%20b;object=d%2Fe?module-path=/m.so&pin-source=/p");
  EXPECT_EQ(pkcs11::Uri::parse(one->with_object("d/e"))->label(), "d/e");
  EXPECT_EQ(pkcs11::Uri::parse(one->with_object("d"))->token_part(), one->token_part());
}

TEST_F(Token, ThreadsShareFewerSessionsThanTheyAre) {
  const auto key =
      crypto::open_token_key(uri("p256"), kPin, {.sessions = 2, .wait = std::chrono::minutes(2)});
  ASSERT_TRUE(key);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 100; ++j) good += sign(*key) ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 800);
}

TEST_F(Token, OneThatIsPulledOutIsAwayAndComesBack) {
  const auto key = crypto::open_token_key(uri("p256"), kPin, {.pause = std::chrono::milliseconds(10)});
  ASSERT_TRUE(key);
  ASSERT_TRUE(sign(*key));
  move("tokens", "pulled");
  EXPECT_EQ(sign(*key).error().code, ErrorCode::key_not_found);
  EXPECT_EQ(sign(*key).error().code, ErrorCode::key_not_found);
  move("pulled", "tokens");
  bool back = false;
  for (int i = 0; i < 6000 && !back; ++i) {
    back = sign(*key).has_value();
    if (!back) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(back);
}

/// The public half of a key, as a certificate has it.
struct Half {
  explicit Half(const crypto::OpenSslKey& key) {
    key_ = crypto::OpenSslCrypto().public_key(key.view(), buffer_).value();
  }
  const crypto::PublicKey& operator*() const { return key_; }

 private:
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer_{};
  crypto::PublicKey key_;
};

std::optional<pkcs11::Trouble> trouble(const crypto::OpenSslKey& key) {
  return crypto::token_of(key)->trouble();
}

TEST_F(Token, AnExpectedKeySignsAsSoonAsItsTokenIsThere) {
  for (const char* name : {"p256", "rsa"}) {
    const Half half(*crypto::open_token_key(uri(name), kPin));
    move("tokens", "pulled");
    const auto key =
        crypto::expect_token_key(uri(name), kPin, *half, {.pause = std::chrono::milliseconds(10)});
    ASSERT_TRUE(key) << name;
    EXPECT_EQ(trouble(*key), pkcs11::Trouble::away);
    EXPECT_EQ(sign(*key).error().code, ErrorCode::key_not_found);
    move("pulled", "tokens");
    for (int i = 0; i < 6000 && trouble(*key); ++i) {
      (void)sign(*key);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(trouble(*key), std::nullopt);
    EXPECT_TRUE(sign(*key));
    EXPECT_EQ(crypto::token_of(*key)->look(), std::nullopt);
  }
}

TEST_F(Token, AnExpectedKeyMustBeTheOneThatATokenHas) {
  const Half half(*crypto::open_token_key(uri("p256"), kPin));
  const auto expected = [&](const pkcs11::Uri& where, std::string_view pin = kPin) {
    const auto key = crypto::expect_token_key(where, pin, *half);
    return key ? std::optional<ErrorCode>() : key.error().code;
  };
  EXPECT_EQ(expected(uri("p256")), std::nullopt);
  EXPECT_EQ(expected(uri("p384")), ErrorCode::key_mismatch);
  EXPECT_EQ(expected(uri("rsa")), ErrorCode::key_mismatch);
  EXPECT_EQ(expected(uri("other")), ErrorCode::key_not_found);
  EXPECT_EQ(expected(uri("p256"), "1111"), ErrorCode::wrong_passphrase);
  EXPECT_EQ(expected(*pkcs11::Uri::parse("pkcs11:token=first;object=p256?module-path=/nowhere.so")),
            ErrorCode::io_failure);
  EXPECT_EQ(expected(*pkcs11::Uri::parse(std::string("pkcs11:object=p256?module-path=") + kModule)),
            ErrorCode::key_not_found)
      << "two tokens, and nothing says which";
  EXPECT_EQ(expected(uri("p256", "third")), std::nullopt) << "who is to know that it never comes";
  const auto plain = crypto::OpenSslKey::generate(crypto::KeyType::ed25519);
  ASSERT_TRUE(plain);
  EXPECT_EQ(crypto::token_of(*plain), nullptr);
  EXPECT_EQ(crypto::expect_token_key(uri("p256"), kPin, *Half(*plain)).error().code, ErrorCode::key_mismatch);
}

TEST_F(Token, AnotherPinIsTakenWhereNoneWasTaken) {
  const Half half(*crypto::open_token_key(uri("p256"), kPin));
  move("tokens", "pulled");
  const auto key =
      crypto::expect_token_key(uri("p256"), "1111", *half, {.pause = std::chrono::milliseconds(10)});
  ASSERT_TRUE(key);
  move("pulled", "tokens");
  for (int i = 0; i < 6000 && trouble(*key) != pkcs11::Trouble::pin_refused; ++i) {
    (void)sign(*key);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(trouble(*key), pkcs11::Trouble::pin_refused);
  EXPECT_EQ(crypto::expect_token_key(uri("p256"), "1111", *half).error().code, ErrorCode::wrong_passphrase);
  EXPECT_TRUE(crypto::expect_token_key(uri("p256"), kPin, *half));
  EXPECT_TRUE(sign(*key)) << "they share the token";
  EXPECT_EQ(crypto::expect_token_key(uri("p256"), "1111", *half).error().code, ErrorCode::wrong_passphrase)
      << "the right one is known by now";
}

TEST_F(Token, PulledOutUnderLoadNothingWrongIsSigned) {
  const auto key =
      crypto::open_token_key(uri("p384"), kPin, {.sessions = 3, .pause = std::chrono::milliseconds(5)});
  ASSERT_TRUE(key);
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0;
  std::atomic<int> away = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto done = sign(*key);
        if (done) {
          ++good;
        } else if (done.error().code == ErrorCode::key_not_found || done.error().code == ErrorCode::timeout) {
          ++away;
        } else {
          ++wrong;
        }
      }
    });
  }
  const auto wait_for = [](const std::atomic<int>& count, int more) {
    const int until = count + more;
    for (int i = 0; i < 6000 && count < until; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return count >= until;
  };
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(wait_for(good, 20)) << round;
    move("tokens", "pulled");
    EXPECT_TRUE(wait_for(away, 20)) << round;
    move("pulled", "tokens");
  }
  EXPECT_TRUE(wait_for(good, 20));
  stop = true;
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Token, AnotherKeyUnderTheSameNameDoesNotSign) {
  ASSERT_TRUE(pkcs11::generate_key(uri("swapped", "second"), kPin, crypto::KeyType::p256));
  const auto key =
      crypto::open_token_key(uri("swapped", "second"), kPin, {.pause = std::chrono::milliseconds(1)});
  ASSERT_TRUE(key);
  ASSERT_TRUE(sign(*key));
  const CommandResult swapped =
      run({"bash", "-c",
           "set -e; cp -r " + (*folder_ / "tokens").string() + " " + (*folder_ / "kept").string() +
               "; softhsm2-util --delete-token --token second; "
               "softhsm2-util --init-token --free --label second --so-pin 12345678 --pin 4321; "
               "cd " +
               folder_->path().string() +
               "; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem; "
               "softhsm2-util --import k.pem --token second --label swapped --id 01 --pin 4321"});
  ASSERT_EQ(swapped.status, 0) << swapped.output;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(sign(*key).error().code, ErrorCode::key_not_found);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(Token, AWrongPinIsTriedOnce) {
  // SoftHSM counts: after a refused PIN the token says that the count is low.
  const auto wrong = crypto::open_token_key(uri("p256"), "1111");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::wrong_passphrase);
  EXPECT_TRUE(crypto::open_token_key(uri("p256"), kPin)) << "the token is not locked";
}

}  // namespace
}  // namespace pedigree::testing
