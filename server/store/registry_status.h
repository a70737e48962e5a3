// SPDX-License-Identifier: Apache-2.0
// What the registry tells a verifier: the standing of a device by its id, and revocation by serial number.
// Point lookups in indexes, so that the time does not grow with the registry.
//
// How old an answer may be: the two lookups are never older than the last commit of any process. What a
// verifier concluded before and kept is asked again once generation() differs; that sees the commits of this
// process's own store at once, and those of other processes at most kStaleness after they were made.
#pragma once

#include <chrono>
#include <span>

#include "server/store/sqlite_store.h"
#include "verifier/status.h"

namespace pedigree::store {

/// An intermediate whose certificates the registry holds.
struct StatusIssuer {
  std::string name;
  std::vector<std::uint8_t> certificate;  ///< DER
};

class RegistryStatus final : public verifier::StatusSource {
 public:
  static constexpr std::chrono::milliseconds kStaleness{50};

  /// The database must exist; `options` are those of the store that writes to it, if there is one in this
  /// process. Errors: database_failure, those of Certificate::parse.
  static Result<std::unique_ptr<RegistryStatus>> open(const StoreOptions& options,
                                                      std::span<const StatusIssuer> issuers);
  ~RegistryStatus() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "registry"; }
  /// The database's counter of what took trust away or gave it back. A device or certificate that becomes
  /// known does not count, so "unknown" is not to be remembered.
  [[nodiscard]] std::uint64_t generation() const noexcept override;
  /// Speaks for the intermediates and for what they issued; a serial number that the registry never stored is
  /// `unknown`. Where the database fails, `stale`.
  [[nodiscard]] verifier::CertificateStatus certificate(const x509::Certificate& certificate,
                                                        const x509::Certificate& issuer,
                                                        der::UnixTime now) const override;
  /// Where the database fails, `stale`.
  [[nodiscard]] verifier::DeviceStatus device(Bytes device_id, der::UnixTime now) const override;

 private:
  struct State;
  explicit RegistryStatus(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pedigree::store
