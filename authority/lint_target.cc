// SPDX-License-Identifier: Apache-2.0
#include "authority/lint_target.h"

namespace pedigree::authority {

std::string_view name(LintTarget target) noexcept {
  switch (target) {
    case LintTarget::openssl:
      return "openssl";
    case LintTarget::mbedtls:
      return "mbedtls";
    case LintTarget::gnutls:
      return "gnutls";
    case LintTarget::aws_iot:
      return "aws-iot";
    case LintTarget::azure_dps:
      return "azure-dps";
    case LintTarget::ieee_802_1ar:
      return "802.1ar";
    case LintTarget::matter:
      break;
  }
  return "matter";
}

std::optional<LintTarget> parse_lint_target(std::string_view text) noexcept {
  for (const LintTarget target : kLintTargets) {
    if (name(target) == text) return target;
  }
  return std::nullopt;
}

}  // namespace pedigree::authority
