// SPDX-License-Identifier: Apache-2.0
#include "server/http/handler.h"

#include <algorithm>

namespace pedigree::http {

bool is_media_type(std::string_view content_type, std::string_view media) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(content_type.substr(0, content_type.find_first_of("; \t")), media, {}, lower,
                            lower);
}

}  // namespace pedigree::http
