// SPDX-License-Identifier: Apache-2.0
// An intermediate that issues: everything that its certificates have in common is encoded once, and a
// certificate is spliced from that, the request's key and a serial number.
#pragma once

#include <map>

#include "authority/ca_certificate.h"
#include "authority/config.h"
#include "core/x509/crl.h"
#include "registry/device.h"

namespace pedigree::authority {

/// What differs between two certificates of one issuer and profile.
struct LeafFields {
  registry::Serial serial{};
  registry::DeviceId device{};
  x509::SubjectPublicKeyInfo spki;  ///< with a key of the contract
  der::UnixTime not_before = 0;
};

/// notAfter of a certificate of this profile.
[[nodiscard]] der::UnixTime not_after(const Profile& profile, der::UnixTime not_before) noexcept;

class Issuer {
 public:
  /// `chain`: this issuer first, then its parents without the root. `key` is empty where the process only
  /// reads. Errors: those of Certificate::parse, bad_configuration (a profile is missing).
  static Result<Issuer> make(const Config& config, const IssuerConfig& issuer, std::vector<Der> chain,
                             std::optional<crypto::PrivateKey> key);

  [[nodiscard]] const IssuerConfig& config() const noexcept { return config_; }
  [[nodiscard]] const std::vector<Der>& chain() const noexcept { return chain_; }
  [[nodiscard]] bool may_issue(std::string_view profile) const { return templates_.contains(profile); }

  /// Writes and signs a certificate of `profile` (may_issue). Errors: key_not_found, those of Crypto::sign.
  [[nodiscard]] Result<Der> issue(const crypto::Crypto& crypto, const Profile& profile,
                                  const LeafFields& fields) const;
  /// The certificate of a key that answers in this issuer's name; `fields.issuer` is set here, and it ends
  /// with the issuer's own. Errors: key_not_found, those of make_delegate.
  [[nodiscard]] Result<Der> certify_delegate(const crypto::Crypto& crypto, DelegateFields fields) const;
  /// Signs a statement of the authority as a COSE_Sign1 with this issuer's chain; `context` (external_aad)
  /// says what kind of statement it is. Errors: key_not_found, unsupported_algorithm (an RSA key), those of
  /// sign.
  [[nodiscard]] Result<Der> sign_statement(const crypto::Crypto& crypto, Bytes statement,
                                           std::string_view context) const;
  /// Writes and signs a CRL. Its number (RFC 5280 5.2.3) is `this_update` and then the count of entries, 8
  /// octets each: entries never go, so two lists of one second have different numbers unless they say the
  /// same. Errors: key_not_found, those of sign.
  [[nodiscard]] Result<Der> make_crl(const crypto::Crypto& crypto,
                                     std::span<const x509::RevokedEntry> entries, der::UnixTime this_update,
                                     der::UnixTime next_update) const;

 private:
  /// A place where something of the device stands.
  struct Hole {
    enum class Content : std::uint8_t { octets, hex, brief } content{};
    std::size_t at = 0;
  };
  static void find_holes(const Der& der, std::vector<Hole>& out);
  /// DER with holes for what differs.
  struct Template {
    Der head;  ///< signature algorithm and issuer
    Der subject;
    Der extensions;  ///< [3] EXPLICIT, whole
    std::vector<Hole> subject_holes, extension_holes;
    bool is_plain_subject = true;    ///< the serialNumber alone: a device that is known by a UUID has its own
    std::size_t key_identifier = 0;  ///< in `extensions`
  };

  Issuer(IssuerConfig config, std::vector<Der> chain, std::optional<crypto::PrivateKey> key)
      : config_(std::move(config)), chain_(std::move(chain)), key_(key) {}
  [[nodiscard]] Result<Template> make_template(const Config& config, const Profile& profile) const;

  IssuerConfig config_;
  std::vector<Der> chain_;
  std::optional<crypto::PrivateKey> key_;
  std::map<std::string, Template, std::less<>> templates_;
};

}  // namespace pedigree::authority
