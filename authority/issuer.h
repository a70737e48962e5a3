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
  std::uint32_t crl_partition = 0;  ///< where certificates name one (Issuer::names_crl_partitions)
};

/// What a CRL says beside its entries.
struct CrlSpec {
  der::UnixTime this_update = 0;
  der::UnixTime next_update = 0;
  /// Revoked certificates that its scope has, of which a delta CRL lists some. With `this_update` the number
  /// of the list (RFC 5280 5.2.3), 8 octets each: entries never go, so two lists of one second have different
  /// numbers unless they say the same.
  std::uint64_t total = 0;
  std::string_view distribution_point{};  ///< URL of the part that it is; empty: the whole CRL
  bool critical = false;                  ///< the distribution point is
  std::optional<der::UnixTime> base{};    ///< a delta CRL of every complete list from then on
  std::string_view freshest{};            ///< URL of its delta CRL; empty: none
};
/// "{base}/{8 lower-case hex digits}": where a part of a CRL is.
[[nodiscard]] std::string crl_partition_url(std::string_view base, std::uint32_t partition);

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
  /// Within which times it issues, both included: those of its configuration and of its certificate.
  [[nodiscard]] der::UnixTime from() const noexcept { return from_; }
  [[nodiscard]] der::UnixTime until() const noexcept { return until_; }

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
  /// Writes and signs a CRL. Errors: key_not_found, those of sign.
  [[nodiscard]] Result<Der> make_crl(const crypto::Crypto& crypto,
                                     std::span<const x509::RevokedEntry> entries, const CrlSpec& spec) const;
  /// Where the issuer's whole CRL is, or "" without distribution points; parts stand below it.
  [[nodiscard]] const std::string& crl_url() const noexcept { return crl_url_; }
  /// Whether every certificate names a part of the CRL.
  [[nodiscard]] bool names_crl_partitions() const noexcept { return names_crl_partitions_; }

 private:
  /// A place where something of the device stands.
  struct Hole {
    enum class Content : std::uint8_t { octets, hex, brief, crl_partition } content{};
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
  std::string crl_url_;
  bool names_crl_partitions_ = false;
  der::UnixTime from_ = 0;
  der::UnixTime until_ = 0;
  std::map<std::string, Template, std::less<>> templates_;
};

}  // namespace pedigree::authority
