// SPDX-License-Identifier: Apache-2.0
// Checkpoints and proofs as texts: what c2sp.org/signed-note shows as its example, and what must be refused.
#include "server/audit/checkpoint.h"

#include <gtest/gtest.h>

#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/http/json.h"
#include "testing/support/support.h"

namespace pedigree::audit {
namespace {

using registry::merkle::Head;

class Checkpoints : public ::testing::Test {
 protected:
  Checkpoints() {
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
    const auto half = crypto_.public_key(key_.view(), buffer).value();
    std::ranges::copy(half.key, log_.key.begin());
  }
  [[nodiscard]] std::string sign(const Head& head) const {
    return sign_checkpoint(crypto_, log_, key_.view(), head).value();
  }
  [[nodiscard]] ErrorCode refused(std::string_view note) const {
    const auto opened = open_checkpoint(crypto_, log_, note);
    return opened ? ErrorCode{} : opened.error().code;
  }

  crypto::OpenSslCrypto crypto_;
  crypto::OpenSslKey key_ = crypto::OpenSslKey::generate(crypto::KeyType::ed25519).value();
  LogKey log_{"example.com/log", {}};
  Head head_{1234, Sha256{1, 2, 3}};
};

TEST_F(Checkpoints, AKeysTextIsThatOfGosNotePackage) {
  // From the documentation of Go's sumdb: the key of sum.golang.org.
  const std::string text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
  const auto key = parse_log_key(crypto_, text);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name, "sum.golang.org");
  EXPECT_EQ(print_log_key(crypto_, *key), text);
  for (const char* bad : {"", "a+b", "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
                          "sum golang org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
                          "sum.golang.org+033de0ae+Ac4zctda", "x+00000000+"}) {
    EXPECT_FALSE(parse_log_key(crypto_, bad)) << bad;
  }
}

TEST_F(Checkpoints, ComeBackAndKeepTheirForm) {
  const std::string note = sign(head_);
  EXPECT_TRUE(note.starts_with("example.com/log\n1234\n" + http::to_base64(head_.root) +
                               "\n\n\u2014 example.com/log "));
  const auto opened = open_checkpoint(crypto_, log_, note);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->head, head_);
  EXPECT_EQ(sign(head_), note) << "Ed25519 is deterministic";
  EXPECT_TRUE(open_checkpoint(crypto_, log_, sign({0, head_.root})));
}

TEST_F(Checkpoints, WitnessesMayAddTheirSignatures) {
  const std::string note = sign(head_);
  const std::string witness = "\u2014 witness.example AAAAAAAA\n";
  EXPECT_TRUE(open_checkpoint(crypto_, log_, note + witness));
  const std::size_t blank = note.find("\n\n") + 2;
  EXPECT_TRUE(open_checkpoint(crypto_, log_, note.substr(0, blank) + witness + note.substr(blank)));
  std::string many = note;
  for (int i = 0; i < 32; ++i) many += witness;
  EXPECT_EQ(refused(many), ErrorCode::bad_value);
}

TEST_F(Checkpoints, EveryChangedOctetIsNoticed) {
  const std::string note = sign(head_);
  for (std::size_t at = 0; at < note.size(); ++at) {
    for (const unsigned bit : {1U, 4U, 32U}) {
      std::string changed = note;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ bit);
      EXPECT_NE(refused(changed), ErrorCode{}) << at << " " << bit;
    }
  }
  for (std::size_t size = 0; size < note.size(); ++size)
    EXPECT_NE(refused(note.substr(0, size)), ErrorCode{});
}

TEST_F(Checkpoints, OfOtherKeysAndOtherFormsAreRefused) {
  const LogKey other{"example.com/other", log_.key};
  EXPECT_EQ(refused(sign_checkpoint(crypto_, other, key_.view(), head_).value()), ErrorCode::key_not_found);
  const auto stranger = crypto::OpenSslKey::generate(crypto::KeyType::ed25519).value();
  EXPECT_EQ(refused(sign_checkpoint(crypto_, log_, stranger.view(), head_).value()),
            ErrorCode::invalid_signature);
  EXPECT_FALSE(sign_checkpoint(crypto_, {"two words", log_.key}, key_.view(), head_));
  // Signed by the key, and no checkpoint of this log.
  const auto resign = [&](const std::string& text) {
    std::array<std::uint8_t, 64> buffer{};
    const auto signature =
        crypto_.sign(key_.view(), {crypto::Scheme::eddsa, crypto::Hash::sha512}, as_bytes(text), buffer);
    const auto id = key_id(crypto_, log_).value();
    testing::Octets octets(id.begin(), id.end());
    octets.insert(octets.end(), signature->begin(), signature->end());
    return text + "\n\u2014 example.com/log " + http::to_base64(octets) + "\n";
  };
  const std::string root = http::to_base64(head_.root) + "\n";
  EXPECT_EQ(refused(resign("example.com/log\n1234\n" + root)), ErrorCode{});
  EXPECT_EQ(refused(resign("example.com/else\n1234\n" + root)), ErrorCode::key_mismatch);
  EXPECT_EQ(refused(resign("example.com/log\n01234\n" + root)), ErrorCode::bad_value);
  EXPECT_EQ(refused(resign("example.com/log\n-1\n" + root)), ErrorCode::bad_value);
  EXPECT_EQ(refused(resign("example.com/log\n1234\n" + root + "extension\n")), ErrorCode::bad_value);
  EXPECT_EQ(refused(resign("example.com/log\n1234\nAAAA\n")), ErrorCode::bad_value);
  EXPECT_EQ(refused(resign("example.com/log\n99999999999999999999\n" + root)), ErrorCode::bad_value);
}

TEST_F(Checkpoints, AProofHoldsOnlyForItsEntry) {
  const testing::Octets entry{1, 2, 3};
  const Sha256 leaf = registry::merkle::leaf_hash(crypto_, entry).value();
  const Sha256 other = registry::merkle::leaf_hash(crypto_, testing::Octets{9}).value();
  const Head head{2, registry::merkle::node_hash(crypto_, other, leaf).value()};
  InclusionProof proof{entry, 1, {other}, sign(head)};
  const std::string text = print_proof(proof);
  EXPECT_TRUE(text.starts_with("c2sp.org/tlog-proof@v1\nextra AQID\nindex 1\n"));
  const auto read = parse_proof(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(print_proof(*read), text);
  EXPECT_EQ(verify_proof(crypto_, log_, *read)->head, head);
  proof.entry[0] ^= 1U;
  EXPECT_EQ(verify_proof(crypto_, log_, proof).error().code, ErrorCode::invalid_signature);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ 1U);
    const auto parsed = parse_proof(changed);
    EXPECT_FALSE(parsed && verify_proof(crypto_, log_, *parsed)) << at;
  }
}

}  // namespace
}  // namespace pedigree::audit
