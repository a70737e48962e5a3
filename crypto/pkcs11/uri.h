// SPDX-License-Identifier: Apache-2.0
// Names of keys in tokens (RFC 7512).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

struct p11_kit_uri;  // p11-kit's P11KitUri

namespace pedigree::pkcs11 {

/// A value of a URI: every octet but letters, digits and "-._~" escaped (RFC 3986 2.1).
[[nodiscard]] std::string escape(std::string_view text);
/// Whether a text is such a URI rather than a file's name.
[[nodiscard]] bool is_uri(std::string_view text) noexcept;

/// A URI of a private key. What its path names is matched by p11-kit; of the query two attributes are known.
class Uri {
 public:
  /// Errors: bad_value (no such URI; an escape that is none; `pin-value`, because a PIN does not belong where
  /// others read it; another attribute of the query).
  [[nodiscard]] static Result<Uri> parse(std::string_view text);

  /// The URI without its query: which token and key.
  [[nodiscard]] const std::string& object() const noexcept { return object_; }
  /// `module-path`: the token's library; empty: all that p11-kit has registered.
  [[nodiscard]] const std::string& module_path() const noexcept { return module_path_; }
  /// `pin-source`: a file with the PIN, as a path or file: URI; empty: none.
  [[nodiscard]] const std::string& pin_source() const noexcept { return pin_source_; }
  /// `object`, unescaped: the key's label; empty: none is named.
  [[nodiscard]] std::string label() const;
  /// `token`, unescaped: the token's label; empty: none is named.
  [[nodiscard]] std::string token_label() const;
  /// Names the token apart from its keys: equal for two keys of one token that are named alike.
  [[nodiscard]] std::string token_part() const;
  /// The same URI for another key of the token, query and all.
  [[nodiscard]] std::string with_object(std::string_view label) const;
  /// Borrowed, for p11-kit's matching functions.
  [[nodiscard]] p11_kit_uri* get() const noexcept { return parsed_.get(); }

 private:
  Uri() = default;
  std::string object_;
  std::string query_;
  std::string module_path_;
  std::string pin_source_;
  std::shared_ptr<p11_kit_uri> parsed_;  // shared, so that a Uri can be copied; never changed
};

}  // namespace pedigree::pkcs11
