// SPDX-License-Identifier: Apache-2.0
// Names as configuration files and people write them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/crypto/crypto.h"
#include "core/der/der.h"
#include "core/psa_token/psa_token.h"

namespace pedigree::authority {

/// "P-256", "P-384", "Ed25519", "RSA-2048", "RSA-3072", "RSA-4096" (core/crypto's names).
[[nodiscard]] std::optional<crypto::KeyType> parse_key_type(std::string_view text) noexcept;
/// One bit of KeyUsage by its RFC 5280 name ("digitalSignature").
[[nodiscard]] std::optional<std::uint16_t> parse_key_usage(std::string_view text) noexcept;
/// The RFC 5280 name of a single bit of KeyUsage. Static storage.
[[nodiscard]] std::string_view key_usage_name(std::uint16_t bit) noexcept;
/// A key purpose: "clientAuth", "serverAuth", "codeSigning", "OCSPSigning", "documentSigning",
/// "attestationKey", or dotted decimal. Empty: malformed.
[[nodiscard]] std::vector<std::uint8_t> parse_key_purpose(std::string_view text);
/// Dotted decimal to content octets (X.690 8.19). Empty: malformed.
[[nodiscard]] std::vector<std::uint8_t> parse_oid(std::string_view dotted);
/// Content octets to dotted decimal.
[[nodiscard]] std::string dotted(Bytes oid);
/// A state of the lifecycle as configurations write it ("assembly-and-test", "secured"); empty text: not one
/// of RFC 9783 4.3.1. Static storage.
[[nodiscard]] std::string_view lifecycle_name(psa_token::Lifecycle state) noexcept;
[[nodiscard]] std::optional<psa_token::Lifecycle> parse_lifecycle(std::string_view text) noexcept;
/// A text as a TOML basic string, with its quotes; `text` has no control characters.
[[nodiscard]] std::string quote(std::string_view text);
/// Texts as a TOML array of such strings, with its brackets.
[[nodiscard]] std::string quote_list(const std::vector<std::string>& texts);
/// "2026-11-24T05:00:00Z".
[[nodiscard]] std::string iso_time(der::UnixTime when);
/// Letters, digits, '-' and '_', 1..64 characters, not "root": names of issuers and profiles.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

}  // namespace pedigree::authority
