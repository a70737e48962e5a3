// SPDX-License-Identifier: Apache-2.0
// Devices and certificates as the registry knows them: types, states and which change of state is allowed.
#pragma once

#include <string>
#include <vector>

#include "core/enrol/messages.h"
#include "core/x509/crl.h"

namespace pedigree::registry {

/// UEID of RFC 9711: 33 octets, the first 0x01.
using DeviceId = std::array<std::uint8_t, enrol::kDeviceIdSize>;
/// Serial number: 128 random bits, big-endian; the first octet is not zero, so that hex is always 32 digits.
using Serial = std::array<std::uint8_t, 16>;

/// Stored as numbers: extend, never renumber.
enum class DeviceState : std::uint8_t {
  expected = 1,   ///< on the allow-list, never seen
  pending = 2,    ///< asked for a nonce, holds no certificate yet
  issued = 3,     ///< holds a certificate, receipt not seen
  active = 4,     ///< proved that it stored a chain
  suspended = 5,  ///< refused until an operator reinstates it
  revoked = 6,    ///< refused; its certificates are revoked
  retired = 7,    ///< taken out of use, for ever
};
enum class CertificateState : std::uint8_t { issued = 1, active = 2, revoked = 3 };

/// "expected" and so on. Static storage.
[[nodiscard]] std::string_view name(DeviceState state) noexcept;
[[nodiscard]] std::string_view name(CertificateState state) noexcept;
[[nodiscard]] std::optional<DeviceState> parse_device_state(std::string_view text) noexcept;
/// RFC 5280 5.3.1 names ("keyCompromise"). removeFromCRL and certificateHold are not accepted: suspension is
/// a state of the device and leaves the CRL alone.
[[nodiscard]] std::optional<x509::RevocationReason> parse_reason(std::string_view text) noexcept;

/// 66 lower-case hex digits that begin with 01. Errors: bad_value.
[[nodiscard]] Result<DeviceId> parse_device_id(std::string_view hex) noexcept;
/// A UUID (RFC 9562) of 36 characters, hex digits of either case. Errors: bad_value.
using Uuid = std::array<std::uint8_t, 16>;
[[nodiscard]] Result<Uuid> parse_uuid(std::string_view text) noexcept;
/// "56d38f73-3f6f-4a59-86bc-d315a1ccc634".
[[nodiscard]] std::string uuid_text(const Uuid& uuid);
/// The id of a device that is known by a UUID only: 01, "urn:uuid:", seven zeros, the UUID.
[[nodiscard]] DeviceId device_of_uuid(const Uuid& uuid) noexcept;
/// The UUID in such an id; empty for any other.
[[nodiscard]] std::optional<Uuid> uuid_of_device(const DeviceId& id) noexcept;
/// A device as a request may name it: by its id in hex, by the same in base64url (44 characters, for tools
/// that write names of 64 at most), or by a UUID. Errors: bad_value.
[[nodiscard]] Result<DeviceId> parse_device_name(std::string_view text) noexcept;

/// 32 lower-case hex digits, not beginning with 00. Errors: bad_serial.
[[nodiscard]] Result<Serial> parse_serial(std::string_view hex) noexcept;
[[nodiscard]] std::string hex(Bytes octets);
/// Lower-case digits only, exactly filling `out`. Errors: bad_value.
[[nodiscard]] Result<void> unhex(std::string_view text, MutableBytes out) noexcept;

/// Changes of state that an operator may order. Enrolment, receipts and revocation make the others.
/// A revoked device may be expected again (it then needs a new key); a retired one stays retired.
[[nodiscard]] bool operator_may_change(DeviceState from, DeviceState to) noexcept;

/// Whether revoking a certificate for this reason takes the whole device out. `superseded` does not: the
/// device is to get another certificate for a new key.
[[nodiscard]] bool revokes_device(x509::RevocationReason reason) noexcept;

/// Who did it and from where: the name in the client certificate, the peer's address.
struct Actor {
  std::string who;
  std::string from;
};

struct Certificate {
  Serial serial{};
  DeviceId device{};
  std::string profile;
  std::string issuer;
  Sha256 key{};  ///< SHA-256 of the SubjectPublicKeyInfo
  CertificateState state = CertificateState::issued;
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
  der::UnixTime issued_at = 0;
  std::optional<der::UnixTime> receipt_at;
  std::optional<der::UnixTime> revoked_at;
  x509::RevocationReason reason = x509::RevocationReason::unspecified;
  std::vector<std::uint8_t> der;
  /// The part of its issuer's CRL that its distribution point names. Empty: the whole CRL, or none; and in
  /// what the registry answers.
  std::optional<std::uint32_t> crl_partition{};
};

struct Device {
  DeviceId id{};
  DeviceState state = DeviceState::expected;
  std::string profiles;  ///< comma-separated profiles that the allow-list permits; empty: all
  der::UnixTime created = 0;
  der::UnixTime changed = 0;
  std::string batch{};             ///< production batch; empty: none
  std::string product{}, label{};  ///< of its allow-list line
  std::string station{};           ///< the station that asked for its last certificate; empty: none yet
};

/// One line of a device's history, or of the authority's own. `what` is a word: asked, issued, receipt,
/// revoked, state, granted, alarm, refused (a station, by the policy); of the authority: imported (lines of
/// an allow-list), station (registered or changed), issuer_revoked,
/// issuer_state, issuer_installed, signer_revoked, signer_list.
struct Event {
  std::int64_t number = 0;  ///< from 1, without gaps, in the order of the audit log
  DeviceId device{};        ///< zeros: the event is the authority's own
  der::UnixTime when = 0;
  Actor actor;
  std::string what;
  std::optional<DeviceState> from;
  std::optional<DeviceState> to;
  std::string why;
  std::optional<Serial> serial;  ///< of the certificate that it is about
  std::optional<Sha256> digest;  ///< SHA-256 of what was issued: a certificate in DER, a signed list
};

}  // namespace pedigree::registry
