// SPDX-License-Identifier: Apache-2.0
// Lists of revoked firmware signers of an authority, read as a device does: with the root's hash and no more.
#include "server/app/signer_list.h"

#include <gtest/gtest.h>

#include "core/firmware_image/revocation_list.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/http/json.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

class SignerLists : public ::testing::Test {
 protected:
  app::Answer<app::IssuedSignerList> issue(der::UnixTime now, bool renew = false) {
    const app::SecretText passphrase{kPassphrase};
    const auto local = app::LocalAuthority::open(authority_.path()).value();
    return app::issue_signer_list(*local, {now, renew}, passphrase);
  }
  /// The list's number and how many keys it names, as a device reads it.
  std::pair<std::uint64_t, std::size_t> read(Bytes message) const {
    const auto root = app::read_certificate(authority_.layout().root_certificate()).value();
    const x509::TrustAnchor anchor{
        {}, crypto_.sha256(x509::Certificate::parse(root).value().spki().whole).value(), {}};
    Octets scratch(image::kRevocationScratch);
    x509::Verdict path;
    const auto list = image::verify_list(crypto_, message, {{&anchor, 1}, {}}, scratch, path);
    EXPECT_TRUE(list) << name(list.error().code);
    if (!list) return {};
    return {list->number, list->size()};
  }
  Answer revoke(std::uint8_t key, const std::string& why = "a test") {
    return operator_->post("/v1/signer-revocations", {{"key", base64_of(key)}, {"why", why}});
  }
  static std::string base64_of(std::uint8_t key) {
    Octets hash(32, key);
    return http::to_base64(hash);
  }

  crypto::OpenSslCrypto crypto_;
  ServedAuthority authority_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
  der::UnixTime now_ = std::time(nullptr);
};

TEST_F(SignerLists, StationsGetTheNewestThatWasIssued) {
  EXPECT_EQ(station_->get("/v1/signer-revocations").error(), "not_found");
  ASSERT_EQ(revoke(7).status, 200U);
  EXPECT_EQ(station_->get("/v1/signer-revocations").error(), "not_found") << "nothing is signed yet";
  const auto issued = issue(now_);
  ASSERT_TRUE(issued) << issued.error().detail;
  EXPECT_TRUE(issued->is_new);
  EXPECT_EQ(read(issued->list.message), std::pair(issued->list.number, std::size_t{1}));
  const Answer answer = station_->get("/v1/signer-revocations");
  EXPECT_EQ(answer.json().at("number").to_number<std::uint64_t>(), issued->list.number);
  EXPECT_EQ(http::from_base64(answer.json().at("list").as_string()), issued->list.message);
}

TEST_F(SignerLists, NumbersGrowWhateverTheClockSays) {
  const auto first = issue(now_);
  ASSERT_TRUE(first);
  EXPECT_FALSE(issue(now_ + 100)->is_new) << "it says all that is known";
  EXPECT_EQ(issue(now_ + 100)->list.message, first->list.message);
  ASSERT_EQ(revoke(1).status, 200U);
  const auto second = issue(now_ - 1000);
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_EQ(second->list.number, first->list.number + 1) << "the clock was put back";
  const auto renewed = issue(now_ - 1000, true);
  EXPECT_EQ(renewed->list.number, first->list.number + 2);
  // The database is gone, and with it the numbers; the clock is not.
  authority_.stop();
  ASSERT_EQ(authority_.sql("DELETE FROM signer_list"), "");
  EXPECT_GT(issue(now_ + 3600)->list.number, renewed->list.number);
}

TEST_F(SignerLists, EveryListIsKeptAndEachKeyCountsOnce) {
  ASSERT_EQ(revoke(1, "stolen").status, 200U);
  const Answer again = revoke(1, "another reason");
  EXPECT_EQ(again.status, 200U);
  EXPECT_EQ(again.json().at("why").as_string(), "stolen") << "the first reason stays";
  ASSERT_TRUE(issue(now_));
  ASSERT_EQ(revoke(2).status, 200U);
  ASSERT_TRUE(issue(now_));
  EXPECT_EQ(read(issue(now_)->list.message).second, 2U);
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM signer_list"), "2");
  EXPECT_EQ(authority_.sql("SELECT who FROM signer_revocation WHERE why = 'stolen'"), "operator 1");
}

TEST_F(SignerLists, WhatNoDeviceCouldTakeIsRefused) {
  const auto root = app::read_certificate(authority_.layout().root_certificate()).value();
  const auto pin = crypto_.sha256(x509::Certificate::parse(root).value().spki().whole).value();
  EXPECT_EQ(operator_->post("/v1/signer-revocations", {{"key", http::to_base64(pin)}, {"why", "x"}}).error(),
            "bad_request");
  EXPECT_EQ(operator_->post("/v1/signer-revocations", {{"key", "AAAA"}, {"why", "x"}}).error(),
            "bad_request");
  EXPECT_EQ(operator_->post("/v1/signer-revocations", {{"key", base64_of(1)}}).error(), "bad_request");
  for (std::uint8_t key = 0; key < 128; ++key) ASSERT_EQ(revoke(key).status, 200U);
  EXPECT_EQ(revoke(200).error(), "too_many");
  EXPECT_EQ(revoke(5).status, 200U) << "one that is there already";
  EXPECT_EQ(read(issue(now_)->list.message).second, 128U);
}

TEST_F(SignerLists, TheRootsKeyIsNeededOnceAndNeverToServe) {
  const app::Layout layout = authority_.layout();
  std::filesystem::rename(layout.root_key(), authority_.scratch("root.key.pem"));
  EXPECT_TRUE(issue(now_)) << "init made the signer of lists";
  // An authority of before there were lists.
  std::filesystem::remove(layout.list_certificate());
  std::filesystem::remove(layout.list_key());
  const auto refused = issue(now_, true);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("root.key.pem"), std::string::npos) << refused.error().detail;
  std::filesystem::rename(authority_.scratch("root.key.pem"), layout.root_key());
  const auto issued = issue(now_, true);
  ASSERT_TRUE(issued) << issued.error().detail;
  EXPECT_EQ(read(issued->list.message).second, 0U);
}

TEST_F(SignerLists, EveryCertificateOfTheAuthorityLoadsInGnuTls) {
  std::size_t certificates = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(authority_.path())) {
    if (!entry.is_regular_file() || !read_text(entry.path()).contains("BEGIN CERTIFICATE")) continue;
    const auto shown = run({"certtool", "--certificate-info", "--infile", entry.path().string()});
    EXPECT_EQ(shown.status, 0) << entry.path() << shown.output;
    ++certificates;
  }
  EXPECT_GE(certificates, 4U) << "root, intermediate, the signer of lists and the TLS identities";
}

TEST_F(SignerLists, AListThatDevicesWouldRefuseIsNotGivenOut) {
  EXPECT_EQ(issue(now_ + der::UnixTime{21} * 365 * 86400).error().code, ErrorCode::expired);
  EXPECT_EQ(station_->get("/v1/signer-revocations").error(), "not_found");
}

}  // namespace
}  // namespace pedigree::testing
