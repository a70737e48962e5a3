// SPDX-License-Identifier: Apache-2.0
// Who signs the audit log's heads, as /v1 sees it.
#pragma once

#include "registry/store.h"

namespace pedigree::http {

class AuditSigner {
 public:
  enum class Trouble : std::uint8_t {
    failed,   ///< the database or the key did not do its work; asking again may help
    changed,  ///< what was signed before is not in the log any more; nothing is signed until somebody looks
  };
  using Done = std::function<void(std::expected<registry::SignedHead, Trouble>)>;

  virtual ~AuditSigner() = default;
  /// A signed head of the log as it is now: the last one, if the log has not grown since. `done` is called
  /// once, on any thread.
  virtual void sign(Done done) = 0;
};

/// What to tell whoever asked.
[[nodiscard]] constexpr std::string_view sentence(AuditSigner::Trouble trouble) noexcept {
  if (trouble == AuditSigner::Trouble::failed) return "the audit log cannot be read or signed at the moment";
  return "the audit log does not begin with what was signed before; run pedigree audit verify";
}

}  // namespace pedigree::http
