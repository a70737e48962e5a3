// SPDX-License-Identifier: Apache-2.0
// The signed part of a trust bundle (docs/formats.md): who is trusted, what the records behind it are, and
// how long it may be used.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/der/der.h"

namespace pedigree::verifier {

/// A file begins with these octets; the last is the version of the layout.
inline constexpr std::array<std::uint8_t, 8> kBundleMagic{'P', 'E', 'D', 'B', 'N', 'D', 'L', 1};
/// What the signature covers beside the manifest (external_aad of the COSE_Sign1), so that nothing else that
/// an intermediate signs is a bundle.
inline constexpr std::string_view kBundleContext = "pedigree trust bundle 1";
/// Octets that a block of records has at most; its own size may be less, because no record is split.
inline constexpr std::size_t kBundleBlockSize = 8192;
/// Behind the key of a record: a time (5 octets, big-endian) and a code.
inline constexpr std::size_t kBundleRecordTail = 6;
/// Octets of a manifest with its signature, at most.
inline constexpr std::size_t kMaxBundleManifest = std::size_t{64} << 20U;

/// Records in ascending order of their keys, all of one size.
struct BundleSection {
  enum class Kind : std::uint8_t {
    revoked = 1,  ///< key: serial number, padded with zeros in front; code: CRLReason
    devices = 2,  ///< key: device id; code: the registry's number of a state
  };
  Kind kind = Kind::revoked;
  Bytes issuer;              ///< of revoked: SHA-256 of the issuer's SubjectPublicKeyInfo; else empty
  std::size_t key_size = 0;  ///< 1..33 octets
  std::uint64_t count = 0;   ///< records
  Bytes digests;             ///< SHA-256 of each block, one after another

  [[nodiscard]] std::size_t record_size() const noexcept { return key_size + kBundleRecordTail; }
  [[nodiscard]] std::size_t records_per_block() const noexcept { return kBundleBlockSize / record_size(); }
  [[nodiscard]] std::size_t blocks() const noexcept { return digests.size() / sizeof(Sha256); }
  [[nodiscard]] std::uint64_t size() const noexcept { return count * record_size(); }
};

/// Reference values inside.
struct BundleReference {
  enum class Kind : std::uint8_t { json = 1, corim = 2 };
  Kind kind = Kind::json;
  Bytes document;
};

/// Borrows from what it was parsed from.
struct BundleManifest {
  der::UnixTime issued_at = 0;
  der::UnixTime expires_at = 0;  ///< last second in which it says that something is good
  std::uint64_t number = 0;      ///< grows with every bundle of an authority
  std::vector<Bytes> roots;      ///< certificates, DER
  std::vector<Bytes> intermediates;
  std::vector<BundleSection> sections;  ///< in the order of their records in the file
  bool devices_complete = false;        ///< a device that is not listed is unknown
  std::vector<BundleReference> references;

  /// Parses a manifest that fills `cbor`. Errors: those of cbor, unsupported_version, wrong_order (keys),
  /// bad_value (a size or number that is not possible), too_many.
  [[nodiscard]] static Result<BundleManifest> parse(Bytes cbor);
  void write(Writer& out) const;
};

}  // namespace pedigree::verifier
