// SPDX-License-Identifier: Apache-2.0
#include "verifier/pem.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <system_error>

namespace pedigree::verifier {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with white space in it; empty where it is not well-formed.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
  std::vector<std::uint8_t> out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding != 0) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  // What is left of the last character must be zero, and as the padding says.
  const bool whole = padding == (count == 0 ? 0U : count == 2 ? 1U : 2U) && count <= 4;
  if (!whole || (bits & ((1U << count) - 1)) != 0 || out.empty()) return std::nullopt;
  return out;
}

}  // namespace

std::expected<std::vector<std::uint8_t>, std::string> read_whole(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return std::unexpected("is not a file that can be read");
  const auto size = std::filesystem::file_size(file, error);
  if (error || size > kMaxFile) return std::unexpected(fmt::format("is larger than {} bytes", kMaxFile));
  std::ifstream in(file, std::ios::binary);
  std::vector<std::uint8_t> content(static_cast<std::size_t>(size));
  in.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(size));
  if (!in || in.gcount() != static_cast<std::streamsize>(size)) return std::unexpected("cannot be read");
  return content;
}

std::expected<std::vector<std::vector<std::uint8_t>>, std::string> der_objects(Bytes content,
                                                                               std::string_view label) {
  std::vector<std::vector<std::uint8_t>> objects;
  const std::string begin = fmt::format("-----BEGIN {}-----", label);
  const std::string end = fmt::format("-----END {}-----", label);
  std::string_view text = as_text(content);
  if (text.find("-----BEGIN ") == std::string_view::npos) {
    if (content.empty()) return std::unexpected("is empty");
    objects.emplace_back(content.begin(), content.end());
    return objects;
  }
  while (true) {
    const std::size_t start = text.find(begin);
    if (start == std::string_view::npos) break;
    text.remove_prefix(start + begin.size());
    const std::size_t stop = text.find(end);
    auto object = from_base64(text.substr(0, stop == std::string_view::npos ? 0 : stop));
    if (!object) return std::unexpected(fmt::format("has a damaged block {}", label));
    objects.push_back(*std::move(object));
    text.remove_prefix(stop + end.size());
  }
  if (objects.empty()) return std::unexpected(fmt::format("holds no {}", label));
  return objects;
}

}  // namespace pedigree::verifier
