// SPDX-License-Identifier: Apache-2.0
// Certificates in words, the same in every command.
#pragma once

#include <optional>
#include <string>

#include "cli/files.h"
#include "core/x509/certificate.h"

namespace pedigree::cli {

/// The subject or issuer as text, "CN=..., O=..."; "(empty name)" for none.
[[nodiscard]] std::string name_text(Bytes name);
/// What people call the subject: its common name, "01a7..9e (device)" for a device id, else the whole name.
[[nodiscard]] std::string title_of(const x509::Certificate& certificate);
/// "2026-11-24T12:00:00Z", and "2026-11-24" where the day is enough.
[[nodiscard]] std::string time_text(der::UnixTime when);
[[nodiscard]] std::string day_text(der::UnixTime when);
/// "P-256"; "unsupported key" where core knows no such key.
[[nodiscard]] std::string key_text(const x509::SubjectPublicKeyInfo& spki);
/// Dotted decimal.
[[nodiscard]] std::string oid_text(Bytes oid);
/// SHA-256 as lower-case hex.
[[nodiscard]] std::string sha256_hex(Bytes octets);

/// The system's clock.
[[nodiscard]] der::UnixTime unix_now();
/// Reads "2026-11-24", "2026-11-24T12:00:00Z", or "@" and seconds since 1970; empty where it is none of
/// these.
[[nodiscard]] std::optional<der::UnixTime> parse_time(std::string_view text);
/// Content octets of a dotted decimal OID; empty where it is not one.
[[nodiscard]] std::optional<Octets> parse_oid(std::string_view text);

}  // namespace pedigree::cli
