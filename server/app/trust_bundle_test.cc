// SPDX-License-Identifier: Apache-2.0
// Bundles of an authority that issued and revoked, read as a relying party does: with the root's hash and no
// more.
#include "server/app/trust_bundle.h"

#include <gtest/gtest.h>

#include "crypto/openssl/openssl_crypto.h"
#include "testing/authority/authority.h"
#include "verifier/status/bundle.h"

namespace pedigree::testing {
namespace {

using Certificate = verifier::CertificateStatus::State;
using Device = verifier::DeviceStatus::State;

class TrustBundle : public ::testing::Test {
 protected:
  app::TrustBundle made(app::TrustBundleOptions options = {}) {
    options.now = now_;
    const app::SecretText passphrase{kPassphrase};
    const auto local = app::LocalAuthority::open(authority_.path(), &passphrase).value();
    auto bundle = app::make_trust_bundle(*local, options);
    if (!bundle) throw std::runtime_error(bundle.error().detail);
    return *std::move(bundle);
  }
  std::unique_ptr<verifier::BundleStatus> opened(const app::TrustBundle& bundle) {
    const auto file = authority_.scratch("bundle");
    write_file(file, bundle.file);
    const auto root = app::read_certificate(authority_.layout().root_certificate()).value();
    const auto pin = crypto_.sha256(x509::Certificate::parse(root).value().spki().whole).value();
    auto status = verifier::BundleStatus::open(crypto_, file, {.roots = {pin}, .signer = {}}, now_);
    if (!status) throw std::runtime_error(status.error().what);
    return *std::move(status);
  }
  Certificate ask(const verifier::BundleStatus& status, const std::vector<Octets>& chain) const {
    return status
        .certificate(x509::Certificate::parse(chain[0]).value(), x509::Certificate::parse(chain[1]).value(),
                     now_)
        .state;
  }
  Device standing(const verifier::BundleStatus& status, std::uint64_t number) const {
    return status.device(unhex(Unit(number).id()), now_).state;
  }

  crypto::OpenSslCrypto crypto_;
  ServedAuthority authority_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
  der::UnixTime now_ = std::time(nullptr);
};

TEST_F(TrustBundle, SaysWhatTheRegistrySays) {
  const Answer good = enrol(*station_, Unit(1));
  const Answer revoked = enrol(*station_, Unit(2));
  const Answer suspended = enrol(*station_, Unit(3));
  ASSERT_EQ(
      operator_->post("/v1/revoke", {{"serial", revoked.json().at("serial")}, {"reason", "keyCompromise"}})
          .status,
      200U);
  ASSERT_EQ(
      operator_->post("/v1/devices/" + Unit(3).id() + "/state", {{"state", "suspended"}, {"why", "a test"}})
          .status,
      200U);
  const app::TrustBundle bundle = made();
  EXPECT_EQ(bundle.issuers, 3U);
  EXPECT_EQ(bundle.revoked, 1U);
  EXPECT_EQ(bundle.devices, 3U);
  const auto status = opened(bundle);
  EXPECT_EQ(ask(*status, chain_of(good)), Certificate::good);
  EXPECT_EQ(ask(*status, chain_of(revoked)), Certificate::revoked);
  EXPECT_EQ(ask(*status, chain_of(suspended)), Certificate::good);
  EXPECT_EQ(standing(*status, 1), Device::known);
  EXPECT_EQ(standing(*status, 2), Device::revoked);
  EXPECT_EQ(standing(*status, 3), Device::suspended);
  EXPECT_EQ(standing(*status, 4), Device::unknown);
  EXPECT_EQ(status->facts().expires_at, now_ + 7 * 86400);
  EXPECT_EQ(status->intermediates().size(), 2U);

  const auto exceptions = opened(made({.signer = {}, .exceptions_only = true, .references = {}}));
  EXPECT_EQ(exceptions->facts().devices, 2U);
  EXPECT_EQ(standing(*exceptions, 1), Device::not_asked);
  EXPECT_EQ(standing(*exceptions, 3), Device::suspended);
  EXPECT_EQ(standing(*exceptions, 4), Device::not_asked);
}

TEST_F(TrustBundle, NumbersGrowEvenWhereTheClockDoesNot) {
  const std::uint64_t first = made().number;
  const std::uint64_t second = made().number;
  EXPECT_GT(second, first);
  // As if the clock had been ahead.
  const std::uint64_t ahead = second + 1000000000000;
  char line[32];
  (void)std::snprintf(line, sizeof line, "%020llu\n", static_cast<unsigned long long>(ahead));
  write_file(authority_.layout().bundle_number(), std::string_view(line));
  EXPECT_EQ(made().number, ahead + 1);
  write_file(authority_.layout().bundle_number(), std::string_view("nonsense\n"));
  EXPECT_THROW(made(), std::runtime_error);
}

TEST_F(TrustBundle, TheSignerCanBeChosen) {
  app::TrustBundleOptions options;
  options.signer = "acme";
  EXPECT_EQ(made(options).signer, "acme");
  EXPECT_EQ(opened(made(options))->facts().devices, 0U);
  options.signer = "nobody";
  EXPECT_THROW(made(options), std::runtime_error);
}

TEST_F(TrustBundle, NeedsTheKeys) {
  const auto local = app::LocalAuthority::open(authority_.path()).value();
  const auto refused = app::make_trust_bundle(*local, {.signer = {}, .references = {}, .now = now_});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::key_not_found);
}

}  // namespace
}  // namespace pedigree::testing
