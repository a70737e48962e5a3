// SPDX-License-Identifier: Apache-2.0
// What the readers of authority.toml's tables share; included by authority/config*.cc only.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "authority/config.h"

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

inline std::unexpected<Refusal> bad(std::string detail) {
  return refuse(ErrorCode::bad_configuration, std::move(detail));
}

/// Empty, or an address, a colon and a port; an IPv6 address stands in brackets.
inline bool is_listen(std::string_view text) {
  if (text.empty()) return true;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

/// The tables [log] and [metrics]. Errors: bad_configuration, with line and setting.
[[nodiscard]] Answer<void> read_log(const toml::table& table, Config& config);
[[nodiscard]] Answer<void> read_metrics(const toml::table& table, Config& config);

}  // namespace pedigree::authority
