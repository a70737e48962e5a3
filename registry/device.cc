// SPDX-License-Identifier: Apache-2.0
#include "registry/device.h"

#include <algorithm>

namespace pedigree::registry {
namespace {

constexpr std::array<std::string_view, 8> kDeviceStates{"",       "expected",  "pending", "issued",
                                                        "active", "suspended", "revoked", "retired"};

constexpr std::array<std::uint8_t, 17> kUuidPrefix{1, 'u', 'r', 'n', ':', 'u', 'u', 'i', 'd', ':'};
constexpr std::array<std::size_t, 4> kHyphens{8, 13, 18, 23};

constexpr int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kBase64Id = enrol::kDeviceIdSize / 3 * 4;

Result<DeviceId> parse_base64url_id(std::string_view text) noexcept {
  DeviceId id{};
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t bits = 0;
    for (const char letter : text.substr(i, 4)) {
      const std::size_t value = kBase64Url.find(letter);
      if (value == std::string_view::npos) return fail(ErrorCode::bad_value, static_cast<std::uint32_t>(i));
      bits = bits << 6U | value;
    }
    for (std::size_t k = 0; k < 3; ++k)
      id.at(i / 4 * 3 + k) = static_cast<std::uint8_t>(bits >> (16 - 8 * k));
  }
  if (id.front() != 0x01) return fail(ErrorCode::bad_value);
  return id;
}

}  // namespace

std::string_view name(DeviceState state) noexcept {
  const auto index = static_cast<std::size_t>(state);
  return index < kDeviceStates.size() ? kDeviceStates[index] : std::string_view("unknown");
}

std::string_view name(CertificateState state) noexcept {
  switch (state) {
    case CertificateState::issued:
      return "issued";
    case CertificateState::active:
      return "active";
    case CertificateState::revoked:
      return "revoked";
  }
  return "unknown";
}

std::optional<DeviceState> parse_device_state(std::string_view text) noexcept {
  for (std::size_t i = 1; i < kDeviceStates.size(); ++i) {
    if (kDeviceStates[i] == text) return static_cast<DeviceState>(i);
  }
  return std::nullopt;
}

std::optional<x509::RevocationReason> parse_reason(std::string_view text) noexcept {
  using enum x509::RevocationReason;
  for (const auto reason : {unspecified, key_compromise, ca_compromise, affiliation_changed, superseded,
                            cessation_of_operation, privilege_withdrawn, aa_compromise}) {
    if (x509::name(reason) == text) return reason;
  }
  return std::nullopt;
}

Result<Uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return fail(ErrorCode::bad_value);
  std::array<char, 32> digits{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::ranges::find(kHyphens, i) != kHyphens.end()) {
      if (text[i] != '-') return fail(ErrorCode::bad_value, static_cast<std::uint32_t>(i));
      continue;
    }
    const bool upper = text[i] >= 'A' && text[i] <= 'F';
    digits.at(count++) = upper ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  }
  Uuid uuid{};
  PEDIGREE_TRY(unhex({digits.data(), digits.size()}, uuid));
  return uuid;
}

std::string uuid_text(const Uuid& uuid) {
  std::string text = hex(uuid);
  for (const std::size_t at : kHyphens) text.insert(at, 1, '-');
  return text;
}

DeviceId device_of_uuid(const Uuid& uuid) noexcept {
  DeviceId id{};
  std::ranges::copy(kUuidPrefix, id.begin());
  std::ranges::copy(uuid, id.begin() + kUuidPrefix.size());
  return id;
}

std::optional<Uuid> uuid_of_device(const DeviceId& id) noexcept {
  if (!std::ranges::equal(kUuidPrefix, std::span(id).first<kUuidPrefix.size()>())) return std::nullopt;
  Uuid uuid{};
  std::ranges::copy(std::span(id).subspan<kUuidPrefix.size()>(), uuid.begin());
  return uuid;
}

Result<DeviceId> parse_device_name(std::string_view text) noexcept {
  if (const auto uuid = parse_uuid(text)) return device_of_uuid(*uuid);
  if (text.size() == kBase64Id) return parse_base64url_id(text);
  return parse_device_id(text);
}

std::string hex(Bytes octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(octets.size() * 2);
  for (const std::uint8_t octet : octets) {
    text.push_back(kDigits[octet >> 4U]);
    text.push_back(kDigits[octet & 15U]);
  }
  return text;
}

Result<void> unhex(std::string_view text, MutableBytes out) noexcept {
  if (text.size() != out.size() * 2) return fail(ErrorCode::bad_value);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return fail(ErrorCode::bad_value, static_cast<std::uint32_t>(2 * i));
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return {};
}

Result<DeviceId> parse_device_id(std::string_view text) noexcept {
  DeviceId id{};
  PEDIGREE_TRY(unhex(text, id));
  if (id[0] != 0x01) return fail(ErrorCode::bad_value);
  return id;
}

Result<Serial> parse_serial(std::string_view text) noexcept {
  Serial serial{};
  if (!unhex(text, serial) || serial[0] == 0) return fail(ErrorCode::bad_serial);
  return serial;
}

bool operator_may_change(DeviceState from, DeviceState to) noexcept {
  using enum DeviceState;
  switch (to) {
    case expected:
      return from == revoked;
    case active:
      return from == suspended;
    case suspended:
      return from == expected || from == pending || from == issued || from == active;
    case retired:
      return from != retired;
    case pending:
    case issued:
    case revoked:
      break;
  }
  return false;
}

bool revokes_device(x509::RevocationReason reason) noexcept {
  return reason != x509::RevocationReason::superseded;
}

}  // namespace pedigree::registry
