// SPDX-License-Identifier: Apache-2.0
// One table of a TOML file, read setting by setting; for this folder's readers only.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <initializer_list>
#include <string>

#include "authority/refusal.h"

namespace pedigree::authority {

/// Reads settings of one table and remembers the first thing that is wrong.
class Settings {
 public:
  Settings(const toml::table& table, std::string where) : table_(table), where_(std::move(where)) {}

  void only(std::initializer_list<std::string_view> known) {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(known, key.str()) == known.end())
        wrong(key.str(), node, "is not a known setting");
    }
  }
  template <typename T>
  void read(std::string_view key, T& out) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    if (const auto value = node->value_exact<T>()) {
      out = *value;
    } else {
      wrong(key, *node, "has a value of the wrong type");
    }
  }
  void read_count(std::string_view key, std::uint32_t& out, std::int64_t least, std::int64_t most) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
      wrong(key, *node, fmt::format("must be a whole number from {} to {}", least, most));
    } else {
      out = static_cast<std::uint32_t>(*value);
    }
  }
  /// Calls `take` with each text of a list; it returns whether it knows the text.
  template <typename Take>
  void read_list(std::string_view key, Take take) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) return wrong(key, *node, "must be a list of texts");
    for (const toml::node& item : *list) {
      const auto text = item.value_exact<std::string>();
      if (!text) return wrong(key, item, "must be a list of texts");
      if (!take(*text)) return wrong(key, item, fmt::format("does not know \"{}\"", *text));
    }
  }
  [[nodiscard]] const toml::node* get(std::string_view key) const { return table_.get(key); }
  void wrong(std::string_view key, const toml::node& node, std::string_view what) {
    if (!fault_.empty()) return;
    fault_ = fmt::format("line {}: {}{} {}", node.source().begin.line, where_, key, what);
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  const toml::table& table_;
  std::string where_;
  std::string fault_;
};

[[nodiscard]] inline std::unexpected<Refusal> bad(std::string detail) {
  return refuse(ErrorCode::bad_configuration, std::move(detail));
}

}  // namespace pedigree::authority
