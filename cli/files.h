// SPDX-License-Identifier: Apache-2.0
// Reading and writing files, PEM, and the forms in which certificates arrive.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.h"
#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::cli {

using Octets = std::vector<std::uint8_t>;

/// What a file may hold at most unless the caller says otherwise: 16 MiB.
inline constexpr std::size_t kMaxInput = std::size_t{16} << 20U;

/// The content of a file, or of stdin for "-". Problem: unreadable, or larger than `limit`.
[[nodiscard]] std::expected<Octets, Problem> read_input(const std::string& path,
                                                        std::size_t limit = kMaxInput);

/// Replaces the file at once or not at all: a new file of `mode` is written, synced and renamed over it.
[[nodiscard]] std::expected<void, Problem> write_output(const std::string& path, Bytes content,
                                                        unsigned mode = 0644);

/// One block of PEM (RFC 7468).
struct PemBlock {
  std::string label;  ///< "CERTIFICATE"
  Octets der;
};
/// Whether `content` looks like PEM: a line that begins with five hyphens and BEGIN.
[[nodiscard]] bool is_pem(Bytes content);
/// All blocks in order; text around them is passed over. Problem: a block that is cut off, or is no base64.
[[nodiscard]] std::expected<std::vector<PemBlock>, Problem> parse_pem(std::string_view text);
[[nodiscard]] std::string to_pem(std::string_view label, Bytes der);

/// Standard base64 (RFC 4648 section 4). Empty optional-like problem: other characters, or wrong padding.
[[nodiscard]] std::string to_base64(Bytes octets);
[[nodiscard]] std::expected<Octets, Problem> from_base64(std::string_view text);
/// Lower-case hex; reading takes both cases.
[[nodiscard]] std::string to_hex(Bytes octets);
[[nodiscard]] std::expected<Octets, Problem> from_hex(std::string_view text);
/// 64 hex digits; empty where it is anything else.
[[nodiscard]] std::optional<Sha256> sha256_from_hex(std::string_view text);

/// The error of reading a further DER element: after a first one, what is no element is trailing data.
[[nodiscard]] Error after_der(Error error, bool further) noexcept;

/// Splits the content of a file into DER elements that should be certificates: PEM blocks of that label, DER
/// elements one after another, or a CBOR array of byte strings (a chain on the wire). `source` is for
/// messages.
[[nodiscard]] std::expected<std::vector<Octets>, Problem> split_certificates(
    Bytes content, const std::string& source, std::string_view label = "CERTIFICATE");
/// read_input and split_certificates.
[[nodiscard]] std::expected<std::vector<Octets>, Problem> read_certificates(
    const std::string& path, std::string_view label = "CERTIFICATE");

}  // namespace pedigree::cli
