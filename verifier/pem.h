// SPDX-License-Identifier: Apache-2.0
// Objects from files: DER, or the PEM blocks of one label (RFC 7468).
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::verifier {

/// Octets of a file that a policy may name: 16 MiB.
inline constexpr std::size_t kMaxFile = std::size_t{16} << 20U;

/// The whole of a regular file of at most kMaxFile octets. The error is a sentence without the name.
[[nodiscard]] std::expected<std::vector<std::uint8_t>, std::string> read_whole(
    const std::filesystem::path& file);
/// The DER objects in `content`: each PEM block with this label ("CERTIFICATE", "PUBLIC KEY"), or, where it
/// is no PEM, all of it as one. At least one. The error is a sentence.
[[nodiscard]] std::expected<std::vector<std::vector<std::uint8_t>>, std::string> der_objects(
    Bytes content, std::string_view label);

}  // namespace pedigree::verifier
