// SPDX-License-Identifier: Apache-2.0
// Any text as a policy: it is read, or refused with a sentence that names a line; no file is ever reached.
// Nothing that is trusted, and no check that is left out, comes from a policy that does not say so.
#include <cstdlib>

#include "verifier/policy.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  using namespace pedigree::verifier;
  const std::string_view text = as_text(Bytes(data, size));
  // An absolute name would be read as it is.
  if (text.find('/') != std::string_view::npos || text.find('\\') != std::string_view::npos) return 0;
  const auto policy = parse_policy(text, "/nonexistent");
  if (!policy) {
    require(policy.error().what.starts_with("line ") && policy.error().code == ErrorCode::bad_configuration);
    return 0;
  }
  require(policy->roots.empty() && policy->raw_keys.empty() && policy->reference.empty());
  const auto says = [text](std::string_view word) { return text.find(word) != std::string_view::npos; };
  require(policy->root_spki_sha256.empty() || says("root_keys"));
  require(policy->nonce_required || says("nonce"));
  require(policy->test_keys == Level::reject || says("test_keys"));
  require(policy->other_lifecycle == Level::reject || says("other_lifecycle"));
  require(policy->unknown_device == Level::reject || says("unknown_device"));
  return 0;
}
