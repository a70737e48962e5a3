// SPDX-License-Identifier: Apache-2.0
// The words of an appraisal, as they stand in JSON and in text for people.
#include "verifier/appraisal.h"

namespace pedigree::verifier {

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::trusted:
      return "trusted";
    case Verdict::warning:
      return "warning";
    case Verdict::rejected:
      break;
  }
  return "rejected";
}

std::string_view name(CheckKind kind) noexcept {
  static constexpr std::array<std::string_view, kCheckKinds> kNames{
      "structure", "signature", "chain",     "validity", "revocation", "identity",
      "registry",  "freshness", "lifecycle", "test_key", "profile",    "reference"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : "unknown";
}

std::string_view name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::warning:
      return "warning";
    case Outcome::failed:
      return "failed";
    case Outcome::skipped:
      break;
  }
  return "skipped";
}

}  // namespace pedigree::verifier
