// SPDX-License-Identifier: Apache-2.0
#include "verifier/reference.h"

#include <charconv>

namespace pedigree::verifier {
namespace {

// The number that `text` begins with, which it then no longer has; empty where it begins otherwise.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

bool is_dotted(std::string_view version) {
  for (;;) {
    if (!take_number(version)) return false;
    if (version.empty()) return true;
    if (version.front() != '.' && version.front() != '+') return false;
    version.remove_prefix(1);
  }
}

bool is_older(std::string_view version, std::string_view than) {
  if (!is_dotted(version)) return true;
  while (!version.empty() || !than.empty()) {
    const std::uint64_t mine = take_number(version).value_or(0);
    const std::uint64_t theirs = take_number(than).value_or(0);
    if (mine != theirs) return mine < theirs;
    if (!version.empty()) version.remove_prefix(1);
    if (!than.empty()) than.remove_prefix(1);
  }
  return false;
}

void ReferenceValues::add(ReferenceImplementation implementation) {
  const auto [at, added] = by_id_.try_emplace(implementation.implementation_id);
  ReferenceImplementation& known = at->second;
  if (added) {
    known = std::move(implementation);
    return;
  }
  if (known.vendor.empty()) known.vendor = std::move(implementation.vendor);
  if (known.model.empty()) known.model = std::move(implementation.model);
  std::move(implementation.components.begin(), implementation.components.end(),
            std::back_inserter(known.components));
}

const ReferenceImplementation* ReferenceValues::find(Bytes implementation_id) const noexcept {
  std::array<std::uint8_t, psa_token::kImplementationIdSize> key{};
  if (implementation_id.size() != key.size()) return nullptr;
  std::ranges::copy(implementation_id, key.begin());
  const auto at = by_id_.find(key);
  return at == by_id_.end() ? nullptr : &at->second;
}

}  // namespace pedigree::verifier
