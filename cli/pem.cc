// SPDX-License-Identifier: Apache-2.0
// Text forms of octets: PEM, base64, hex.
#include <fmt/format.h>

#include "cli/files.h"

namespace pedigree::cli {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

std::unexpected<Problem> refuse(std::string summary) {
  return std::unexpected(Problem{.summary = std::move(summary), .details = {}, .next = {}, .note = {}});
}

/// Takes the next line off `text`, without its end and trailing white space.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  return line;
}

/// The label of a line "-----BEGIN label-----"; empty for other lines.
std::string_view label_of(std::string_view line, std::string_view start) {
  if (!line.starts_with(start) || !line.ends_with(kDashes) || line.size() <= start.size() + kDashes.size())
    return {};
  return line.substr(start.size(), line.size() - start.size() - kDashes.size());
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_base64(Bytes octets) {
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, octets.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8U | (k < left ? octets[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= left ? kAlphabet[(bits >> (18U - 6U * k)) & 63U] : '=';
  }
  return out;
}

std::expected<Octets, Problem> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return refuse("the base64 is cut off");
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  Octets out;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pad = i >= text.size() - padding;
    const std::size_t value = pad ? 0 : kAlphabet.find(text[i]);
    if (value == std::string_view::npos) return refuse(fmt::format("character {} is not base64", i + 1));
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (unsigned shift = 16;; shift -= 8) {
      out.push_back(static_cast<std::uint8_t>(bits >> shift));
      if (shift == 0) break;
    }
    bits = 0;
  }
  for (std::size_t i = 0; i < padding; ++i) {
    if (out.back() != 0) return refuse("the base64 does not end as its padding says");
    out.pop_back();
  }
  return out;
}

std::string to_hex(Bytes octets) {
  std::string out;
  for (const std::uint8_t octet : octets) out += fmt::format("{:02x}", octet);
  return out;
}

std::expected<Octets, Problem> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return refuse("the hex has an odd number of digits");
  Octets out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0)
      return refuse(fmt::format("character {} is not a hex digit", i + (high < 0 ? 1 : 2)));
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

bool is_pem(Bytes content) {
  const std::string_view text = as_text(content);
  return text.starts_with(kBegin) ||
         text.find(std::string("\n") + std::string(kBegin)) != std::string_view::npos;
}

std::expected<std::vector<PemBlock>, Problem> parse_pem(std::string_view text) {
  std::vector<PemBlock> blocks;
  while (!text.empty()) {
    const std::string_view label = label_of(next_line(text), kBegin);
    if (label.empty()) continue;
    std::string body;
    std::string_view line;
    while (true) {
      if (text.empty())
        return refuse(fmt::format("PEM block {} ({}) has no end line", blocks.size() + 1, label));
      line = next_line(text);
      if (line.starts_with(kDashes)) break;
      body += line;
    }
    if (label_of(line, kEnd) != label)
      return refuse(
          fmt::format("PEM block {} ({}) does not end with its own label", blocks.size() + 1, label));
    auto der = from_base64(body);
    if (!der)
      return refuse(fmt::format("PEM block {} ({}): {}", blocks.size() + 1, label, der.error().summary));
    blocks.push_back({std::string(label), *std::move(der)});
  }
  return blocks;
}

std::string to_pem(std::string_view label, Bytes der) {
  std::string out = fmt::format("-----BEGIN {}-----\n", label);
  const std::string body = to_base64(der);
  for (std::size_t i = 0; i < body.size(); i += 64) out += body.substr(i, 64) + "\n";
  return out + fmt::format("-----END {}-----\n", label);
}

std::optional<Sha256> sha256_from_hex(std::string_view text) {
  const auto octets = from_hex(text);
  Sha256 hash{};
  if (!octets || octets->size() != hash.size()) return std::nullopt;
  std::copy(octets->begin(), octets->end(), hash.begin());
  return hash;
}

}  // namespace pedigree::cli
