// SPDX-License-Identifier: Apache-2.0
// Small texts about certificates, keys and times, the same in sentences and in JSON.
#pragma once

#include <string>

#include "core/x509/certificate.h"

namespace pedigree::verifier {

/// Lower-case hex.
[[nodiscard]] std::string hex(Bytes octets);
/// The first four and last two digits: "01a7..9e".
[[nodiscard]] std::string short_hex(Bytes octets);
/// What people call a subject: its common name, "01a7..9e" for a device id, else the whole name.
[[nodiscard]] std::string title_of(const x509::Certificate& certificate);
/// The same of a certificate that may be malformed: "an unreadable certificate".
[[nodiscard]] std::string title_of(Bytes der);
/// A Name as "CN=..., O=..."; "(empty name)" for none.
[[nodiscard]] std::string name_text(Bytes name);
/// "2026-11-24T12:00:00Z".
[[nodiscard]] std::string time_text(der::UnixTime when);
/// "P-256"; "an unsupported key" where it is none of the contract's.
[[nodiscard]] std::string key_text(Bytes spki);

}  // namespace pedigree::verifier
