// SPDX-License-Identifier: Apache-2.0
// Versions, ids, counters and dependencies of firmware images as people write them, the same as for imgtool.
#pragma once

#include <optional>
#include <string>

#include "cli/output.h"
#include "signing/sign_image.h"

namespace pedigree::cli {

/// "1", "1.2", "1.2.3" or "1.2.3+4"; empty where it is none, or a number is out of range.
[[nodiscard]] std::optional<image::Version> parse_version(std::string_view text);
[[nodiscard]] std::string version_text(const image::Version& version);

/// "12345678-1234-5678-1234-567812345678" or its 32 digits alone; any other text is a name, of which the
/// version 5 UUID in `name_space` is made (RFC 9562 5.5). Empty where there is no name space for a name, or
/// it is not printable ASCII.
[[nodiscard]] std::optional<image::Uuid> parse_uuid(std::string_view text,
                                                    const std::optional<image::Uuid>& name_space);
/// The name space of vendors' names, which are domain names.
[[nodiscard]] image::Uuid vendor_name_space();
[[nodiscard]] std::string uuid_text(const image::Uuid& id);

/// A number below 2^32, in decimal, or in another base after 0x, 0o or 0b.
[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view text);
/// A number; or "auto", which follows from the version: major, minor and revision in 8, 8 and 16 bits.
[[nodiscard]] std::optional<std::uint32_t> parse_counter(std::string_view text,
                                                         const image::Version& version);
/// "(1, 1.2.3+0), (2, 2.0.0)"; empty where it is not that.
[[nodiscard]] std::optional<std::vector<signing::Dependency>> parse_dependencies(std::string_view text);

/// What an OEM may sign, in words: "vendor ...; versions 1.0.0 to 1.255.65535"; "any product" without limits.
[[nodiscard]] std::string limits_text(const image::Limits& limits);

/// "0x1a4 (420)": an offset for those who look into the file.
[[nodiscard]] std::string offset_text(std::uint32_t offset);
/// "SEC_CNT", or "0x00a0" where the type has no name.
[[nodiscard]] std::string tlv_text(image::TlvType type);

}  // namespace pedigree::cli
