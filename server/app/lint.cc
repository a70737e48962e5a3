// SPDX-License-Identifier: Apache-2.0
#include "server/app/lint.h"

#include <fmt/format.h>

#include <map>

#include "authority/firmware_certificate.h"
#include "authority/intermediate.h"
#include "crypto/openssl/keys.h"

namespace pedigree::app {
namespace {

using authority::Profile;
using authority::ProfileKind;
using authority::refuse;
using crypto::OpenSslKey;

constexpr der::UnixTime kDay = 86400;
constexpr std::string_view kRoot = "root";

/// A CA of the directory, made again with another key.
struct Twin {
  std::vector<Der> chain;  ///< itself first, root last
  OpenSslKey key;
};

class Linter {
 public:
  Linter(const Directory& directory, der::UnixTime now)
      : engine_(directory.engine()), crypto_(directory.crypto()), now_(now) {}

  Answer<void> make_twins() {
    if (const auto made = make_twin(std::string(kRoot), engine_.root(), nullptr); !made) return made;
    for (const authority::Issuer& issuer : engine_.issuers()) {
      const auto made =
          make_twin(issuer.config().name, issuer.chain().front(), &twins_.at(issuer.config().parent));
      if (!made) return made;
    }
    return {};
  }

  Answer<void> run(const Profile& profile) {
    for (const crypto::KeyType type : profile.keys) {
      if (const auto done = run(profile, type); !done) return done;
    }
    return {};
  }

  std::vector<LintSample> take() { return std::move(samples_); }

 private:
  Answer<void> make_twin(const std::string& name, const Der& original, const Twin* issuer) {
    const auto parsed = x509::Certificate::parse(original);
    if (!parsed) return refuse(parsed.error());
    if (!parsed->spki().key) return refuse(ErrorCode::unsupported_algorithm, name + " has no key known here");
    auto key = OpenSslKey::generate(parsed->spki().key->type);
    if (!key) return refuse(key.error());
    std::optional<authority::Signer> signer;
    if (issuer != nullptr) signer = authority::Signer{issuer->chain.front(), issuer->key.view()};
    auto made = authority::twin(crypto_, *parsed, key->view(), signer ? &*signer : nullptr);
    if (!made) return refuse(made.error());
    Twin twin{{*std::move(made)}, *std::move(key)};
    if (issuer != nullptr) twin.chain.insert(twin.chain.end(), issuer->chain.begin(), issuer->chain.end());
    twins_.insert_or_assign(name, std::move(twin));
    return {};
  }

  Answer<void> run(const Profile& profile, crypto::KeyType type) {
    const auto key = OpenSslKey::generate(type);
    if (!key) return refuse(key.error());
    const auto spki = authority::public_key_info(crypto_, key->view());
    if (!spki) return refuse(spki.error());
    switch (profile.kind) {
      case ProfileKind::device:
        return run_device(profile, type, *spki);
      case ProfileKind::intermediate:
        return run_below_root(profile, type, *spki);
      case ProfileKind::firmware_signer:
        return run_signer(profile, type, *spki);
      case ProfileKind::identity:
        break;
    }
    return run_identity(profile, type, *key);
  }

  Answer<void> run_device(const Profile& profile, crypto::KeyType type, const Der& spki) {
    for (const authority::IssuerConfig& issuer : engine_.config().issuers) {
      const auto& listed = issuer.profiles;
      if (std::ranges::find(listed, profile.name) == listed.end()) continue;
      const Twin& twin = twins_.at(issuer.name);
      const std::vector<Der> own(twin.chain.begin(), twin.chain.end() - 1);
      const auto made = authority::Issuer::make(engine_.config(), issuer, own, twin.key.view());
      if (!made) return refuse(made.error());
      authority::LeafFields fields;
      const auto serial = authority::random_serial(crypto_);
      if (!serial) return refuse(serial.error());
      fields.serial = *serial;
      fields.device[0] = 1;
      for (std::size_t i = 1; i < fields.device.size(); ++i)
        fields.device.at(i) = static_cast<std::uint8_t>(i);
      const auto parsed = x509::parse_spki(spki);
      if (!parsed) return refuse(parsed.error());
      fields.spki = *parsed;
      fields.not_before = now_;
      auto leaf = made->issue(crypto_, profile, fields);
      if (!leaf) return refuse(leaf.error());
      if (auto kept = keep(profile, issuer.name, type, *std::move(leaf), twin.chain); !kept) return kept;
    }
    return {};
  }

  authority::CertifyFields fields_of(const Der& spki, const Twin& twin) const {
    return {"Sample", spki, {twin.chain.front(), twin.key.view()}, now_, now_ + 36500 * kDay};
  }

  Answer<Der> make_oem(const Profile& profile, const Der& spki) {
    authority::FirmwareLimits limits;
    limits.vendors.emplace_back();
    return authority::make_oem(crypto_, profile, fields_of(spki, twins_.at(std::string(kRoot))), limits);
  }

  Answer<void> run_below_root(const Profile& profile, crypto::KeyType type, const Der& spki) {
    const Twin& root = twins_.at(std::string(kRoot));
    auto made = profile.name == "oem-intermediate"
                    ? make_oem(profile, spki)
                    : authority::make_intermediate(crypto_, profile, fields_of(spki, root));
    if (!made) return std::unexpected(made.error());
    return keep(profile, std::string(kRoot), type, *std::move(made), root.chain);
  }

  /// Below an OEM that is made for it.
  Answer<void> run_signer(const Profile& profile, crypto::KeyType type, const Der& spki) {
    const auto above = engine_.config().profiles.find("oem-intermediate");
    if (above == engine_.config().profiles.end()) return {};
    auto key = OpenSslKey::generate(crypto::KeyType::p256);
    if (!key) return refuse(key.error());
    const auto oem_spki = authority::public_key_info(crypto_, key->view());
    if (!oem_spki) return refuse(oem_spki.error());
    auto oem = make_oem(above->second, *oem_spki);
    if (!oem) return std::unexpected(oem.error());
    Twin twin{{*std::move(oem)}, *std::move(key)};
    const auto& root = twins_.at(std::string(kRoot)).chain;
    twin.chain.insert(twin.chain.end(), root.begin(), root.end());
    auto made = authority::make_firmware_signer(crypto_, profile, fields_of(spki, twin));
    if (!made) return std::unexpected(made.error());
    return keep(profile, "oem-intermediate", type, *std::move(made), twin.chain);
  }

  /// Below a system CA that is made for it.
  Answer<void> run_identity(const Profile& profile, crypto::KeyType type, const OpenSslKey& key) {
    const auto ca_key = OpenSslKey::generate(crypto::KeyType::p256);
    if (!ca_key) return refuse(ca_key.error());
    const auto ca =
        authority::make_ca(crypto_, {"Pedigree system CA", ca_key->view(), {}, 0, now_, now_ + 7300 * kDay});
    if (!ca) return refuse(ca.error());
    authority::TlsFields fields;
    fields.common_name = "Sample";
    fields.key = key.view();
    fields.issuer = {*ca, ca_key->view()};
    fields.not_before = now_;
    fields.not_after = now_ + static_cast<der::UnixTime>(profile.days.value_or(1)) * kDay;
    for (const auto role :
         {authority::TlsRole::server, authority::TlsRole::station, authority::TlsRole::operator_,
          authority::TlsRole::relying_party, authority::TlsRole::bootstrap}) {
      if (authority::name(role) == profile.name) fields.role = role;
    }
    if (fields.role == authority::TlsRole::server) fields.hosts = {"localhost"};
    auto made = authority::make_tls(crypto_, fields);
    if (!made) return refuse(made.error());
    return keep(profile, "system CA", type, *std::move(made), {*ca});
  }

  Answer<void> keep(const Profile& profile, const std::string& issuer, crypto::KeyType type, Der leaf,
                    const std::vector<Der>& above) {
    LintSample sample{profile.name, issuer, type, {std::move(leaf)}, {}};
    sample.chain.insert(sample.chain.end(), above.begin(), above.end());
    auto results = authority::lint(crypto_, sample.chain);
    if (!results) return refuse(results.error());
    sample.results = *std::move(results);
    samples_.push_back(std::move(sample));
    return {};
  }

  const authority::Engine& engine_;
  const crypto::Crypto& crypto_;
  der::UnixTime now_;
  std::map<std::string, Twin, std::less<>> twins_;
  std::vector<LintSample> samples_;
};

}  // namespace

Answer<std::vector<LintSample>> lint_profiles(const Directory& directory, std::string_view profile,
                                              der::UnixTime now) {
  const auto& profiles = directory.engine().config().profiles;
  if (!profile.empty() && !profiles.contains(profile)) {
    return refuse(ErrorCode::unknown_profile,
                  fmt::format("there is no profile \"{}\"", profile.substr(0, 64)));
  }
  Linter linter(directory, now);
  if (const auto made = linter.make_twins(); !made) return std::unexpected(made.error());
  for (const auto& [name, settled] : profiles) {
    if (!profile.empty() && name != profile) continue;
    if (const auto done = linter.run(settled); !done) {
      return refuse(done.error().code, fmt::format("profile {}: {}", name, done.error().detail));
    }
  }
  return linter.take();
}

}  // namespace pedigree::app
