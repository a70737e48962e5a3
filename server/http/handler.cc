// SPDX-License-Identifier: Apache-2.0
#include "server/http/handler.h"

#include <algorithm>

namespace pedigree::http {

std::string_view name(Role role) noexcept {
  switch (role) {
    case Role::station:
      return "station";
    case Role::operator_:
      return "operator";
    case Role::relying_party:
      return "relying-party";
    case Role::bootstrap:
      return "bootstrap";
    case Role::device:
      return "device";
    case Role::auditor:
      return "auditor";
    case Role::none:
      break;
  }
  return "none";
}

bool is_media_type(std::string_view content_type, std::string_view media) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(content_type.substr(0, content_type.find_first_of("; \t")), media, {}, lower,
                            lower);
}

}  // namespace pedigree::http
