// SPDX-License-Identifier: Apache-2.0
// Who a certificate may be meant for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pedigree::authority {

enum class LintTarget : std::uint8_t { openssl, mbedtls, gnutls, aws_iot, azure_dps, ieee_802_1ar, matter };
inline constexpr LintTarget kLintTargets[] = {
    LintTarget::openssl,   LintTarget::mbedtls,      LintTarget::gnutls, LintTarget::aws_iot,
    LintTarget::azure_dps, LintTarget::ieee_802_1ar, LintTarget::matter};
/// "openssl", "mbedtls", "gnutls", "aws-iot", "azure-dps", "802.1ar", "matter". Static storage.
[[nodiscard]] std::string_view name(LintTarget target) noexcept;
[[nodiscard]] std::optional<LintTarget> parse_lint_target(std::string_view text) noexcept;

}  // namespace pedigree::authority
