// SPDX-License-Identifier: Apache-2.0
// The CA engine: decides about requests and writes certificates. Knows no database and no network.
#pragma once

#include <atomic>

#include "authority/evidence.h"
#include "authority/issuer.h"
#include "authority/nonce.h"
#include "authority/request.h"

namespace pedigree::authority {

struct EnrolRequest {
  registry::DeviceId device{};
  std::string_view profile;
  std::string_view issuer;  ///< name; empty: the first active issuer that has the profile
  Bytes nonce;              ///< as the authority gave it
  Bytes csr;                ///< PKCS#10 in DER, or a token request
  /// Live certificates of the device, as the registry has them: whose keys may sign evidence is among them.
  std::span<const registry::Certificate> known{};
};

/// A request of a protocol without nonces, whose caller knows by other means whom it is from.
struct PlainRequest {
  registry::DeviceId device{};
  std::string_view profile;
  std::string_view issuer;  ///< as in EnrolRequest
  Bytes csr;                ///< PKCS#10 in DER; empty: `spki` instead
  Bytes spki;               ///< a key whose possession the caller has verified, DER
};

/// A chain that the engine wrote: what the registry stores of it, and who signed.
struct Certified {
  registry::Certificate certificate;
  const Issuer* issuer = nullptr;
};

/// Who knows which part of an issuer's CRL its next certificate belongs to.
class CrlPartitions {
 public:
  virtual ~CrlPartitions() = default;
  /// The part for one more certificate of this issuer; empty: none is at hand just now. Never waits.
  [[nodiscard]] virtual std::optional<std::uint32_t> next(const Issuer& issuer) = 0;
};
/// Certificates that one part of a CRL has at most: were they all revoked, their entries of 50 octets, with
/// the largest signature, would make a list of less than 64 KiB.
inline constexpr std::uint32_t kCrlPartitionSize = 1200;

/// Immutable once made but for the intermediates' states, and then used by any number of threads.
class Engine {
 public:
  /// Issuers that lend keys borrow them: the keys must live as long. Errors: those of Issuer::make.
  Engine(const crypto::Crypto& crypto, Config config, Der root, std::vector<Issuer> issuers,
         Bytes nonce_secret);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { wipe(nonce_secret_); }

  /// Borrows; before anything is issued. Without it, issuers that name parts of CRLs issue nothing.
  void take_crl_partitions_from(CrlPartitions* partitions) noexcept { crl_partitions_ = partitions; }

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const std::vector<Issuer>& issuers() const noexcept { return issuers_; }
  [[nodiscard]] const Issuer* find_issuer(std::string_view name) const noexcept;
  [[nodiscard]] const Der& root() const noexcept { return root_; }
  [[nodiscard]] const Sha256& root_spki_sha256() const noexcept { return root_spki_sha256_; }

  /// Takes over what the registry has ordered; an issuer that is not named keeps the state that it has, at
  /// first that of its configuration.
  void apply(std::span<const registry::IssuerOrder> orders) const noexcept;
  /// The state of one of this engine's issuers.
  [[nodiscard]] IssuerState state(const Issuer& issuer) const noexcept;

  /// The first issuer of this profile that is active, within its times and of no factory; or the one of this
  /// name, which must be active and within its times. Errors: unknown_profile, unknown_issuer.
  [[nodiscard]] Answer<const Issuer*> select_issuer(std::string_view name, std::string_view profile,
                                                    der::UnixTime now) const;
  [[nodiscard]] const crypto::Crypto& crypto() const noexcept { return crypto_; }

  /// A nonce for this device and profile, and when it expires. Errors: unknown_profile.
  [[nodiscard]] Answer<std::pair<Nonce, der::UnixTime>> nonce(const registry::DeviceId& device,
                                                              std::string_view profile,
                                                              der::UnixTime now) const;

  /// Checks nonce, request, proof of possession, evidence and policy, and writes the certificate. Nothing is
  /// issued until the registry has stored it. Where `evidence` is null, what needs it is refused. Errors:
  /// unknown_profile, unknown_issuer, bad_nonce, evidence_required, those of check_request,
  /// check_token_request and EvidenceAppraiser.
  [[nodiscard]] Answer<Certified> certify(const EnrolRequest& request, const EvidenceAppraiser* evidence,
                                          der::UnixTime now) const;
  /// The same without a nonce; a profile that demands evidence is refused. Errors: unknown_profile,
  /// unknown_issuer, those of check_plain_request and check_proven_key.
  [[nodiscard]] Answer<Certified> certify_plain(const PlainRequest& request, der::UnixTime now) const;
  /// Whether `certify` wants EnrolRequest::known for this profile.
  [[nodiscard]] bool needs_evidence(std::string_view profile) const;

  /// Names of the intermediates above this one, nearest first, without the root.
  [[nodiscard]] std::vector<std::string> parents(std::string_view issuer) const;

  /// Leaf first, without the root. Errors: unknown_issuer.
  [[nodiscard]] Answer<std::vector<Bytes>> chain(const registry::Certificate& certificate) const;

  /// Checks a receipt (enrol::Receipt in a COSE_Sign1) by the key of `certificate`: nonce, device and chain.
  /// Errors: bad_nonce, bad_receipt.
  [[nodiscard]] Answer<void> check_receipt(const registry::Certificate& certificate, Bytes nonce,
                                           Bytes receipt, der::UnixTime now) const;

  /// A CRL of this issuer. Errors: unknown_issuer, key_not_found.
  [[nodiscard]] Answer<Der> make_crl(std::string_view issuer, std::span<const x509::RevokedEntry> entries,
                                     const CrlSpec& spec) const;

 private:
  [[nodiscard]] Answer<CheckedRequest> check(const EnrolRequest& request, const Profile& profile,
                                             const EvidenceAppraiser* evidence, der::UnixTime now) const;
  [[nodiscard]] Answer<Certified> write(const Issuer& issuer, const Profile& profile,
                                        const registry::DeviceId& device, const CheckedRequest& checked,
                                        der::UnixTime now) const;
  [[nodiscard]] std::vector<std::vector<Bytes>> attestation_chains(
      std::span<const registry::Certificate> known) const;
  [[nodiscard]] Answer<const Profile*> find_profile(std::string_view name) const;

  const crypto::Crypto& crypto_;
  Config config_;
  Der root_;
  Sha256 root_spki_sha256_{};
  std::vector<Issuer> issuers_;
  CrlPartitions* crl_partitions_ = nullptr;
  mutable std::vector<std::atomic<IssuerState>> states_;  ///< of issuers_
  std::array<std::uint8_t, 32> nonce_secret_{};
};

}  // namespace pedigree::authority
