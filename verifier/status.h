// SPDX-License-Identifier: Apache-2.0
// Where the verifier learns whether a certificate is revoked and a device known: registry, CRLs, OCSP
// answers, an offline bundle.
#pragma once

#include <optional>
#include <string>

#include "core/x509/certificate.h"
#include "verifier/appraisal.h"

namespace pedigree::verifier {

/// What a source says of one certificate.
struct CertificateStatus {
  enum class State : std::uint8_t {
    unknown,  ///< the source does not speak for this issuer
    good,
    revoked,
    stale,  ///< it does, but what it has is older than its freshness limit
  };
  State state = State::unknown;
  std::optional<Revocation> revocation;
  /// Last second in which the answer holds (nextUpdate of a CRL or OCSP answer), even where no generation
  /// changes until then.
  der::UnixTime fresh_until = der::kNoWellDefinedExpiration;
};

/// What a source says of a device.
struct DeviceStatus {
  enum class State : std::uint8_t { not_asked, unknown, known, suspended, revoked, retired, stale };
  State state = State::not_asked;
  std::string_view name{};  ///< the registry's own word ("active", "issued"); static storage
  der::UnixTime since = 0;  ///< when that state began; 0: not known
  /// As of a certificate's status.
  der::UnixTime fresh_until = der::kNoWellDefinedExpiration;
};

/// Thread-safe; asked on the hot path, so an implementation answers from memory or from an index.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  /// "registry", "CRL", "OCSP", "bundle": for sentences. Static storage.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Changes with every change that may alter an answer; what was concluded under another number is asked
  /// again.
  [[nodiscard]] virtual std::uint64_t generation() const noexcept = 0;
  /// `issuer` signed `certificate`; `now` decides freshness.
  [[nodiscard]] virtual CertificateStatus certificate(const x509::Certificate& certificate,
                                                      const x509::Certificate& issuer,
                                                      der::UnixTime now) const = 0;
  /// 33 octets.
  [[nodiscard]] virtual DeviceStatus device(Bytes device_id, der::UnixTime now) const = 0;
};

}  // namespace pedigree::verifier
