// SPDX-License-Identifier: Apache-2.0
// Certificates, tokens and signed data as devices make them, from a few words and at the speed of the
// cryptography: for what no device would ever do, for fuzzing and for benchmarks.
#pragma once

#include "core/cose/cose.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/builder.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/support.h"

namespace pedigree::testing {

inline constexpr der::UnixTime kFleetNow = 1795478400;  // 2026-11-24

/// A key and its certificate.
struct Holder {
  crypto::OpenSslKey key;
  Octets name;         ///< Name, DER
  Octets spki;         ///< DER
  Octets certificate;  ///< DER
};

/// What a certificate says beyond its subject; the defaults are those of a device's attestation key.
struct HolderSpec {
  der::UnixTime not_before = kFleetNow - 86400;
  der::UnixTime not_after = der::kNoWellDefinedExpiration;
  bool ca = false;
  Octets purpose{};  ///< key purpose, OID content octets; empty: none
  crypto::KeyType type = crypto::KeyType::p256;
};

/// What a token says; the defaults are a secured device's.
struct TokenSpec {
  Octets nonce = Octets(32, 0x4e);
  Octets instance_id{};  ///< empty: the device's own
  std::uint16_t lifecycle = 0x3000;
  std::uint8_t entropy = 0;
  std::string version = "2.1.0";
  Octets measured = Octets(32, 0x77);  ///< of the component PRoT
  Octets signer_id = Octets(32, 0x88);
  Octets boot_signer_id = Octets(32, 0x88);  ///< of the component BL
  bool with_chain = true;
};

/// A device with an attestation key (or a key for data), and the chain above it.
class FleetDevice {
 public:
  FleetDevice(Octets id, Holder holder, std::vector<Octets> chain)
      : id_(std::move(id)), holder_(std::move(holder)), chain_(std::move(chain)) {}
  [[nodiscard]] const Octets& id() const noexcept { return id_; }  ///< 33 octets
  [[nodiscard]] const Holder& holder() const noexcept { return holder_; }
  /// DER, leaf first, without the root.
  [[nodiscard]] const std::vector<Octets>& chain() const noexcept { return chain_; }
  [[nodiscard]] std::vector<Bytes> views() const { return {chain_.begin(), chain_.end()}; }
  [[nodiscard]] Octets token(const TokenSpec& spec = {}) const;
  /// COSE_Sign1 over this payload.
  [[nodiscard]] Octets sign(Bytes payload, bool with_chain = true) const;

 private:
  Octets id_;
  Holder holder_;
  std::vector<Octets> chain_;
};

/// A root, "Example Silicon Device CA" below it, "Acme Devices CA" below that. Failures throw.
class Fleet {
 public:
  explicit Fleet(std::string_view root_name = "Example Silicon Root CA");
  [[nodiscard]] static const crypto::Crypto& crypto();
  [[nodiscard]] const Holder& root() const noexcept { return root_; }
  [[nodiscard]] const Holder& vendor() const noexcept { return vendor_; }
  [[nodiscard]] const Holder& oem() const noexcept { return oem_; }
  /// Certified by the OEM, or by the vendor where `length` is 2; `number` decides the id.
  [[nodiscard]] FleetDevice device(std::uint32_t number, const HolderSpec& spec,
                                   std::size_t length = 3) const;
  [[nodiscard]] FleetDevice device(std::uint32_t number) const;
  /// With a key for signing data.
  [[nodiscard]] FleetDevice data_device(std::uint32_t number) const;
  /// A certificate for `subject` by `issuer`; of itself where both are the same.
  static void certify(Holder& subject, const Holder& issuer, const HolderSpec& spec);
  [[nodiscard]] static Holder holder(const Octets& name, crypto::KeyType type = crypto::KeyType::p256);
  /// A chain under an OEM CA with these dates in place of the fleet's own.
  [[nodiscard]] FleetDevice device_under(const HolderSpec& oem, const HolderSpec& leaf) const;
  /// A CRL by `issuer` of these certificates, current for a day.
  [[nodiscard]] static Octets crl(const Holder& issuer, const std::vector<Octets>& revoked,
                                  der::UnixTime this_update = kFleetNow - 3600);

 private:
  Holder root_, vendor_, oem_;
};

}  // namespace pedigree::testing
