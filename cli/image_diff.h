// SPDX-License-Identifier: Apache-2.0
// What differs between two images in terms of trust, and whether their code does.
#pragma once

#include "cli/image_view.h"

namespace pedigree::cli {

/// One thing that both images say; empty: that image says nothing of it.
struct ImageTerm {
  const char* what;
  std::string before, after;
  bool is_trust = true;  ///< about who signed what for whom; else about the code and its place
  std::string remark;    ///< what follows for a device
  [[nodiscard]] bool same() const noexcept { return before == after; }
};

/// A SHA-256 of an image's code. Errors: those of the source, crypto_failure.
[[nodiscard]] Result<Sha256> code_digest(const crypto::Crypto& crypto, const image::Source& source,
                                         const image::Layout& layout);

/// Compares two images term by term; `before_code` and `after_code` are their code_digest.
[[nodiscard]] std::vector<ImageTerm> compare(const ImageView& before, const ImageView& after,
                                             const Sha256& before_code, const Sha256& after_code);
/// One sentence: "signer and lineage changed, and the code".
[[nodiscard]] std::string difference_sentence(const std::vector<ImageTerm>& terms);

}  // namespace pedigree::cli
