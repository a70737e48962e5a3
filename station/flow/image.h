// SPDX-License-Identifier: Apache-2.0
// A device's firmware images as calls: mcumgr's image group, which any Zephyr device with MCUboot answers
// too, and the list of revoked signers, which only Pedigree's devices take.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/enrol/image_group.h"
#include "core/firmware_image/image.h"
#include "station/link/link.h"

namespace pedigree::station {

/// A slot of the device; `hash` and `signer` as hex, empty where they are not told.
struct ImageSlot {
  std::uint32_t image = 0;
  std::uint32_t slot = 0;
  std::string version;
  std::string hash;
  bool bootable = false;
  bool pending = false;
  bool confirmed = false;
  bool active = false;
  bool permanent = false;
  std::optional<ErrorCode> refused;  ///< why the boot stage did not start it
  std::string signer;                ///< SHA-256 of the signing key's SubjectPublicKeyInfo
  std::optional<std::uint32_t> counter;
};

/// The list of revoked signers that a device keeps.
struct KeptRevocations {
  std::uint64_t number = 0;  ///< 0: none
  std::uint32_t size = 0;
  std::uint32_t count = 0;
  std::uint32_t max_size = 0;
};

struct UploadOptions {
  std::uint32_t image = 0;
  /// Called with the octets that the device has, of how many; from the caller's thread.
  std::function<void(std::size_t done, std::size_t total)> progress{};
};

/// How an upload went.
struct Uploaded {
  std::size_t size = 0;
  std::size_t resumed_at = 0;  ///< octets that the device had from before
};

/// Failures of every call: Side::device with the device's own error, and those of Link::exchange. A device
/// without image group fails with unknown_command.
class ImageClient {
 public:
  /// The link is borrowed.
  explicit ImageClient(Link& link) noexcept : link_(link) {}

  [[nodiscard]] Outcome<std::vector<ImageSlot>> state();
  /// Sends an image; goes on where an earlier upload of the same octets stopped. Parts are as large as the
  /// device's buffer, and as many in flight as it has buffers; what is lost is sent again. The device has
  /// then found the announced SHA-256.
  [[nodiscard]] Outcome<Uploaded> upload(Bytes image, const Sha256& sha256, const UploadOptions& options);
  /// Has the image with this hash started at the next reset, once. Answers with the state after it.
  [[nodiscard]] Outcome<std::vector<ImageSlot>> test(Bytes hash);
  /// Confirms the image that runs (no hash), or has another one started for good. Answers with the state.
  [[nodiscard]] Outcome<std::vector<ImageSlot>> confirm(Bytes hash);
  /// Erases a slot; without one that of the next upload.
  [[nodiscard]] Outcome<void> erase(std::optional<std::uint32_t> slot);
  [[nodiscard]] Outcome<KeptRevocations> revocations();
  /// Sends a signed list, and asks whether it is the one that the device keeps now.
  [[nodiscard]] Outcome<KeptRevocations> send_revocations(Bytes list);

 private:
  [[nodiscard]] Request upload_part(Bytes image, const Sha256& sha256, std::uint32_t number,
                                    std::size_t offset) const;

  Link& link_;
};

/// Gives a device a signed list of revoked signers, unless it has that one or a later one. The number of the
/// list that it keeps then; 0 where it keeps none, because it does not update its firmware.
[[nodiscard]] Outcome<std::uint64_t> deliver_revocations(Link& link, Bytes list);

/// The hash by which devices name an image: the value of its SHA TLV. Errors: bad_image, bad_tlv,
/// missing_tlv.
[[nodiscard]] Result<std::vector<std::uint8_t>> image_hash(Bytes image);

}  // namespace pedigree::station
