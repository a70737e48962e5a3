// SPDX-License-Identifier: Apache-2.0
// How the board's non-volatile memory is divided, in octets from its start. Internal trusted storage is at
// its beginning (secure/storage.h); here is what the boot stage needs. Whoever makes a device writes these.
#pragma once

#include <algorithm>
#include <optional>

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/enrol/messages.h"
#include "device/service/record.h"
#include "device/update/flash.h"

namespace pedigree::mps2 {

/// One-time-programmable page: the firmware root. Written when a device is made; nothing writes it later.
inline constexpr std::size_t kOtp = 0x30000;
/// One-time-programmable page: the lifecycle that the device was moved on to, by whoever makes it; one that
/// was never written leaves it in assembly and test.
inline constexpr std::size_t kLifecyclePage = 0x31000;
/// State records, lists of revoked signers, and two slots for the non-secure image.
inline constexpr std::size_t kUpdateArea = 0x100000;
inline constexpr update::Layout kUpdateLayout{
    .sector = 4096, .list_size = std::size_t{8} * 1024, .slot_size = std::size_t{1024} * 1024};
/// Octets of the whole memory.
inline constexpr std::size_t kNonVolatileSize = std::size_t{16} << 20U;
static_assert(kUpdateArea + kUpdateLayout.size() <= kNonVolatileSize);

/// OTP page: magic, SHA-256 of the root's SubjectPublicKeyInfo, CRC-32 of both; big-endian.
inline constexpr std::uint32_t kOtpMagic = 0x50444f54;  // "PDOT"
inline constexpr std::size_t kOtpSize = 4 + sizeof(Sha256) + 4;
using OtpPage = std::array<std::uint8_t, kOtpSize>;

/// The page of a device with this root.
[[nodiscard]] inline OtpPage write_otp(const Sha256& root) noexcept {
  OtpPage page{};
  Writer out(page);
  out.big_endian(kOtpMagic, 4);
  out.bytes(root);
  out.big_endian(device::crc32(out.written()), 4);
  return page;
}

/// Nothing where the page was never written, or is damaged. `page` has kOtpSize octets.
[[nodiscard]] inline std::optional<Sha256> read_otp(Bytes page) noexcept {
  Reader in(page);
  if (in.big_endian(4) != kOtpMagic) return std::nullopt;
  Sha256 root;
  const Bytes hash = in.take(root.size()).value_or(Bytes());
  if (in.big_endian(4) != device::crc32(page.first(kOtpSize - 4))) return std::nullopt;
  std::copy(hash.begin(), hash.end(), root.begin());
  return root;
}

/// Lifecycle page: magic, lifecycle, CRC-32 of both; big-endian.
inline constexpr std::uint32_t kLifecycleMagic = 0x50444c43;  // "PDLC"
inline constexpr std::size_t kLifecyclePageSize = 4 + 1 + 4;
using LifecyclePage = std::array<std::uint8_t, kLifecyclePageSize>;

/// The page of a device in this lifecycle.
[[nodiscard]] inline LifecyclePage write_lifecycle(enrol::Lifecycle lifecycle) noexcept {
  LifecyclePage page{};
  Writer out(page);
  out.big_endian(kLifecycleMagic, 4);
  out.big_endian(static_cast<std::uint8_t>(lifecycle), 1);
  out.big_endian(device::crc32(out.written()), 4);
  return page;
}

/// The lifecycle of this page, which has kLifecyclePageSize octets. Errors: storage_corrupt, which is no
/// reason to be more open.
[[nodiscard]] inline Result<enrol::Lifecycle> read_lifecycle(Bytes page) noexcept {
  const auto blank = [&](std::uint8_t value) {
    return std::ranges::all_of(page, [value](std::uint8_t octet) { return octet == value; });
  };
  if (blank(0xff) || blank(0)) return enrol::Lifecycle::assembly_and_test;
  Reader in(page);
  const bool whole = in.big_endian(4) == kLifecycleMagic;
  const auto value = in.big_endian(1).value_or(0);
  if (!whole || in.big_endian(4) != device::crc32(page.first(kLifecyclePageSize - 4))) {
    return fail(ErrorCode::storage_corrupt);
  }
  return static_cast<enrol::Lifecycle>(value);
}

}  // namespace pedigree::mps2
