// SPDX-License-Identifier: Apache-2.0
// mcumgr's image group (SMP group 1), with Zephyr's field names, and the delivery of signer revocations in
// Pedigree's own. Some stock clients refuse a field that they do not know: what Pedigree adds ("ext" below)
// is answered only to a request that asks for it. Views borrow from the payload.
#pragma once

#include "core/enrol/messages.h"

namespace pedigree::enrol {

/// The group's number, and its commands that are spoken here.
inline constexpr std::uint16_t kImageGroup = 1;
enum class ImageCommand : std::uint8_t { state = 0, upload = 1, erase = 5 };

/// Entries of a state that are read at most, and octets of the longest digest and version text.
inline constexpr std::size_t kMaxImageEntries = 8;
inline constexpr std::size_t kMaxImageHash = 64;
inline constexpr std::size_t kMaxImageVersion = 32;

/// One slot that holds an image, or, for those who asked, one whose image was refused.
struct ImageEntry {
  std::uint32_t image = 0;                 // "image" absent: 0
  std::uint32_t slot = 0;                  // "slot"
  std::string_view version{};              // "version" "1.2.3", or "1.2.3.4" with a build number
  Bytes hash{};                            // "hash" the image's digest, 32 to 64 octets
  bool bootable = false;                   // "bootable" verified
  bool pending = false;                    // "pending" starts at the next reset, for a test
  bool confirmed = false;                  // "confirmed"
  bool active = false;                     // "active" it runs
  bool permanent = false;                  // "permanent"
  std::uint32_t refused = 0;               // "refused" ext: number of the error for which it was not started
  Bytes signer{};                          // "signer" ext: SHA-256 of the signing key's SubjectPublicKeyInfo
  std::optional<std::uint32_t> counter{};  // "counter" ext: its security counter
};
struct ImageStateResponse {
  std::array<ImageEntry, kMaxImageEntries> images{};  // "images"
  std::size_t count = 0;
};
struct ImageStateRead {
  bool extended = false;  // "ext"
};
/// Marks an image for a test, or confirms one (the running one where no hash is given). Answered with the
/// state.
struct ImageStateWrite {
  Bytes hash{};           // "hash"
  bool confirm = false;   // "confirm"
  bool extended = false;  // "ext"
};

struct ImageUploadRequest {
  std::uint32_t image = 0;               // "image"
  std::optional<std::uint32_t> total{};  // "len" at offset 0: octets of the whole
  std::uint32_t offset = 0;              // "off"
  Bytes sha256{};                        // "sha" at offset 0: of the whole, so that an upload resumes
  Bytes data{};                          // "data"
  bool upgrade = false;                  // "upgrade" refuse an image that is no newer than the running one
  bool extended = false;                 // "ext"
};
struct ImageUploadResponse {
  std::uint32_t offset = 0;     // "off" where to go on
  std::optional<bool> match{};  // "match" when it is complete: its SHA-256 is the one announced
};
struct ImageEraseRequest {
  std::optional<std::uint32_t> slot{};  // "slot" absent: 1
  bool extended = false;                // "ext"
};

/// Numbers of this group's errors (Zephyr's img_mgmt_err_code_t) that are answered here.
enum class ImageRc : std::uint16_t {
  unknown = 1,
  no_image = 3,
  no_tlvs = 4,
  invalid_tlv = 5,
  hash_not_found = 8,
  no_free_slot = 9,
  flash_read_failed = 11,
  flash_write_failed = 12,
  invalid_slot = 14,
  invalid_offset = 20,
  invalid_length = 21,
  invalid_image_header = 22,
  invalid_hash = 24,
  current_version_is_newer = 27,
  image_too_large = 30,
  data_overrun = 31,
  confirmation_denied = 32,
  test_of_active_denied = 33,
};
/// The group's number nearest to an error of a write of this command.
[[nodiscard]] ImageRc image_rc(ErrorCode code, ImageCommand command, bool confirm) noexcept;
/// One sentence for people, for every number of Zephyr's list; empty beyond it. Static storage.
[[nodiscard]] std::string_view image_sentence(std::uint16_t rc) noexcept;
/// The error map of a failed request of this group: v2 {"err": {"group": 1, "rc"}}, v1 {"rc"}, each with
/// "why", the error's own number, where the request asked for additions. Errors of SMP itself (unknown
/// command, a malformed request) are {"rc"} in both versions.
void write_image_error(smp::Version version, ErrorCode code, ImageRc rc, bool extended, Writer& out) noexcept;

/// revocations (group 80, command 11), read: request is an empty map.
struct RevocationsResponse {
  std::uint64_t number = 0;    // "number" of the list that the device keeps; 0: none
  std::uint32_t size = 0;      // "size" octets of it
  std::uint32_t count = 0;     // "count" keys that it names
  std::uint32_t max_size = 0;  // "max" octets of the longest it takes
};
/// revocations, write: the signed list in parts, one after another. Answered with a ChainWriteResponse.
struct RevocationsWrite {
  std::uint32_t offset = 0;              // "off"
  std::optional<std::uint32_t> total{};  // "len" at offset 0
  Bytes data{};                          // "data"
};

/// Each message as in messages.h.
void encode(const ImageStateRead& m, Writer& out) noexcept;
void encode(const ImageStateWrite& m, Writer& out) noexcept;
void encode(const ImageStateResponse& m, Writer& out) noexcept;
void encode(const ImageUploadRequest& m, Writer& out) noexcept;
void encode(const ImageUploadResponse& m, Writer& out) noexcept;
void encode(const ImageEraseRequest& m, Writer& out) noexcept;
void encode(const RevocationsResponse& m, Writer& out) noexcept;
void encode(const RevocationsWrite& m, Writer& out) noexcept;
template <>
Result<ImageStateRead> decode<ImageStateRead>(Bytes payload) noexcept;
template <>
Result<ImageStateWrite> decode<ImageStateWrite>(Bytes payload) noexcept;
template <>
Result<ImageStateResponse> decode<ImageStateResponse>(Bytes payload) noexcept;
template <>
Result<ImageUploadRequest> decode<ImageUploadRequest>(Bytes payload) noexcept;
template <>
Result<ImageUploadResponse> decode<ImageUploadResponse>(Bytes payload) noexcept;
template <>
Result<ImageEraseRequest> decode<ImageEraseRequest>(Bytes payload) noexcept;
template <>
Result<RevocationsResponse> decode<RevocationsResponse>(Bytes payload) noexcept;
template <>
Result<RevocationsWrite> decode<RevocationsWrite>(Bytes payload) noexcept;

}  // namespace pedigree::enrol
