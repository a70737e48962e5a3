// SPDX-License-Identifier: Apache-2.0
// Who may sign an authority's grants: made below a root that is at hand, and by request below one that is
// not.
#include "server/app/grant_signer.h"

#include <gtest/gtest.h>

#include <ctime>

#include "authority/firmware_certificate.h"
#include "crypto/openssl/openssl_crypto.h"
#include "registry/device.h"
#include "server/app/intermediates.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

constexpr der::UnixTime kDay = 86400;

/// A root, its key in memory, and a directory that knows the root alone.
class GrantSigner : public ::testing::Test {
 protected:
  GrantSigner() { EXPECT_TRUE(app::write_private(layout_.root_certificate(), app::certificate_pem(root_))); }
  [[nodiscard]] app::Der make_ca(const std::string& name, const crypto::OpenSslKey& key,
                                 std::optional<authority::Signer> issuer) const {
    return authority::make_ca(crypto_, {name, key.view(), issuer, {}, now_ - kDay, now_ + 100 * kDay})
        .value();
  }
  [[nodiscard]] authority::Signer root() const { return {root_, root_key_.view()}; }
  [[nodiscard]] app::Der request() const { return app::request_grant_signer(layout_, passphrase_).value(); }
  [[nodiscard]] app::Der certify(Bytes request, der::UnixTime from) const {
    return app::sign_grant_signer(request, root(), from, 30).value();
  }
  void make(der::UnixTime from) const {
    ASSERT_TRUE(app::make_grant_signer(layout_, root(), passphrase_, from, 30).has_value());
  }
  [[nodiscard]] ErrorCode import(Bytes certificate, der::UnixTime now) const {
    const auto done = app::import_grant_signer(layout_, certificate, passphrase_, now);
    return done ? ErrorCode{} : done.error().code;
  }
  [[nodiscard]] std::unique_ptr<app::GrantKey> signer() const {
    return app::GrantKey::open(layout_, crypto_, root_, passphrase_).value();
  }
  /// As a device that has seen `seen_`.
  ErrorCode verify(const authority::SignedGrant& grant) {
    const Sha256 hash = *crypto_.sha256(x509::Certificate::parse(root_)->spki().whole);
    std::array<std::uint8_t, grant::kScratch> scratch{};
    const auto read = grant::verify(crypto_, grant.message, hash, seen_, scratch);
    return read ? ErrorCode{} : read.error().code;
  }

  const TempDir folder_;
  const app::Layout layout_{folder_.path()};
  const app::SecretText passphrase_{kPassphrase};
  const crypto::OpenSslCrypto crypto_;
  const der::UnixTime now_ = std::time(nullptr);
  const crypto::OpenSslKey root_key_ = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  const app::Der root_ = make_ca("Root", root_key_, {});
  const authority::GrantOrder order_{.device = *registry::parse_device_id("01" + std::string(64, 'a')),
                                     .operation = grant::Operation::decommission};
  grant::Seen seen_;
};

TEST_F(GrantSigner, ANewOneEndsTheOldOneAndAnExpiredOneSignsNothing) {
  EXPECT_EQ(signer(), nullptr);
  make(now_);
  const auto first = signer();
  make(now_ + 10);
  const auto second = signer();
  const auto old_one = first->signer().sign(order_, now_ + 20);
  const auto new_one = second->signer().sign(order_, now_ + 20);
  ASSERT_TRUE(old_one && new_one);
  EXPECT_EQ(verify(*old_one), ErrorCode{});
  EXPECT_EQ(verify(*new_one), ErrorCode{});
  EXPECT_EQ(verify(*old_one), ErrorCode::grant_signer_refused);
  const auto late = second->signer().sign(order_, now_ + 40 * kDay);
  EXPECT_EQ(late.error().code, ErrorCode::grant_expired);
  EXPECT_NE(late.error().detail.find("another is made by pedigree authority grant-signer"), std::string::npos)
      << late.error().detail;
}

TEST_F(GrantSigner, OneIsMadeByRequestWhileTheOldOneSigns) {
  make(now_);
  const auto first = signer();
  const app::Der asked = request();
  const app::Der again = request();
  EXPECT_TRUE(equal(*authority::requested_key(crypto_, asked), *authority::requested_key(crypto_, again)))
      << "the key is kept";
  EXPECT_TRUE(signer()->signer().sign(order_, now_).has_value());
  const app::Der certificate = certify(asked, now_ + 10);
  EXPECT_EQ(import(certificate, now_), ErrorCode::grant_signer_refused) << "it is not good yet";
  EXPECT_EQ(import(certificate, now_ + 20), ErrorCode{});
  EXPECT_EQ(import(certificate, now_ + 20), ErrorCode{}) << "it is there";
  EXPECT_FALSE(std::filesystem::exists(layout_.next_grant_key()));
  const auto made = signer()->signer().sign(order_, now_ + 20);
  ASSERT_TRUE(made.has_value()) << made.error().detail;
  EXPECT_EQ(verify(*made), ErrorCode{});
  EXPECT_EQ(verify(*first->signer().sign(order_, now_ + 20)), ErrorCode::grant_signer_refused);
}

TEST_F(GrantSigner, AnImportThatIsInterruptedGoesOn) {
  make(now_ - 10);
  const app::Der certificate = certify(request(), now_);
  const std::string key = read_text(layout_.next_grant_key());
  const std::string old_key = read_text(layout_.grant_key());
  ASSERT_EQ(import(certificate, now_), ErrorCode{});
  // As it was between the certificate and the key.
  write_file(layout_.next_grant_key(), key);
  write_file(layout_.grant_key(), old_key);
  std::filesystem::permissions(layout_.next_grant_key(), std::filesystem::perms::owner_read);
  const auto between = signer()->signer().sign(order_, now_);
  EXPECT_EQ(between.error().code, ErrorCode::invalid_signature) << "which is told, and goes to no device";
  EXPECT_EQ(import(certificate, now_), ErrorCode{});
  EXPECT_TRUE(signer()->signer().sign(order_, now_).has_value());
}

TEST_F(GrantSigner, EachIsNotedBeforeItIsThere) {
  std::vector<app::GrantSignerNote> notes;
  const app::NoteGrantSigner note = [&](const app::GrantSignerNote& one) -> app::Answer<void> {
    notes.push_back(one);
    return {};
  };
  const app::NoteGrantSigner deaf = [](const app::GrantSignerNote&) -> app::Answer<void> {
    return authority::refuse(Error{ErrorCode::database_failure, 0});
  };
  // What the log does not take does not happen.
  EXPECT_EQ(app::make_grant_signer(layout_, root(), passphrase_, now_, 30, deaf).error().code,
            ErrorCode::database_failure);
  EXPECT_EQ(signer(), nullptr);
  EXPECT_FALSE(std::filesystem::exists(layout_.grant_key()));
  ASSERT_TRUE(app::make_grant_signer(layout_, root(), passphrase_, now_ - 10, 30, note));
  const app::Der first = app::read_certificate(layout_.grant_certificate()).value();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].what, "grant_signer_installed");
  EXPECT_EQ(notes[0].digest, crypto_.sha256(first).value());
  const Sha256 key = crypto_.sha256(x509::Certificate::parse(first)->spki().whole).value();
  EXPECT_TRUE(notes[0].why.starts_with("key " + registry::hex(key) + " until 20")) << notes[0].why;

  EXPECT_FALSE(app::request_grant_signer(layout_, passphrase_, deaf));
  const app::Der asked = app::request_grant_signer(layout_, passphrase_, note).value();
  EXPECT_EQ(app::sign_grant_signer(asked, root(), now_, 30, deaf).error().code, ErrorCode::database_failure);
  const app::Der certificate = app::sign_grant_signer(asked, root(), now_, 30, note).value();
  EXPECT_FALSE(app::import_grant_signer(layout_, certificate, passphrase_, now_, deaf));
  EXPECT_EQ(app::read_certificate(layout_.grant_certificate()).value(), first);
  ASSERT_TRUE(app::import_grant_signer(layout_, certificate, passphrase_, now_, note));
  ASSERT_TRUE(app::import_grant_signer(layout_, certificate, passphrase_, now_, note)) << "it is there";
  ASSERT_EQ(notes.size(), 4U) << "and is noted once";
  EXPECT_EQ(notes[1].what, "grant_signer_requested");
  EXPECT_EQ(notes[1].digest, crypto_.sha256(asked).value());
  EXPECT_EQ(notes[2].what, "grant_signer_signed");
  EXPECT_EQ(notes[3].what, "grant_signer_installed");
  EXPECT_EQ(notes[3].digest, crypto_.sha256(certificate).value());
  EXPECT_EQ(notes[2].why, notes[3].why);
  EXPECT_TRUE(notes[3].why.starts_with(notes[1].why)) << "the key that was requested";
}

TEST_F(GrantSigner, ACertificateFromElsewhereIsTakenForItsKeyAlone) {
  make(now_);
  const app::Der asked = request();
  EXPECT_EQ(import(certify(asked, now_ - 10), now_), ErrorCode::grant_signer_refused)
      << "devices have seen a newer one";
  // For another key, by another root, and for another purpose.
  const auto stranger = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  const app::Der other = app::write_request(crypto_, stranger, "x").value();
  EXPECT_EQ(import(certify(other, now_), now_), ErrorCode::key_mismatch);
  const app::Der their_root = make_ca("Root", stranger, {});
  const auto theirs = app::sign_grant_signer(asked, {their_root, stranger.view()}, now_, 30).value();
  EXPECT_NE(import(theirs, now_), ErrorCode{});
  const auto own_key = app::open_key(layout_.next_grant_key(), passphrase_).value();
  const auto lists = authority::make_list_signer(crypto_, {"x", own_key.view(), root(), now_, now_ + kDay});
  EXPECT_EQ(import(lists.value(), now_), ErrorCode::grant_signer_refused);
  EXPECT_TRUE(signer()->signer().sign(order_, now_).has_value()) << "the old one signs as before";
}

TEST_F(GrantSigner, OnlyARootNamesOne) {
  const app::Der asked = request();
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  const app::Der issuer = make_ca("Acme", key, root());
  EXPECT_EQ(app::sign_grant_signer(asked, {issuer, key.view()}, now_, 30).error().code,
            ErrorCode::untrusted_root);
  EXPECT_EQ(app::sign_grant_signer(asked, {root_, key.view()}, now_, 30).error().code,
            ErrorCode::key_mismatch);
  const auto large = crypto::OpenSslKey::generate(crypto::KeyType::p384).value();
  const app::Der of_large = app::write_request(crypto_, large, "x").value();
  EXPECT_EQ(app::sign_grant_signer(of_large, root(), now_, 30).error().code, ErrorCode::wrong_key_type);
  app::Der forged = asked;
  forged.back() ^= 1U;
  EXPECT_FALSE(app::sign_grant_signer(forged, root(), now_, 30).has_value()) << "no proof of possession";
}

}  // namespace
}  // namespace pedigree::testing
