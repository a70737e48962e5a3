// SPDX-License-Identifier: Apache-2.0
// Takes images into the slot that is free, and says which one the boot stage is to start. It decides about no
// trust: whether an image may run is the boot stage's to find out, at every reset.
#pragma once

#include <optional>

#include "core/firmware_image/revocation_list.h"
#include "device/update/boot_report.h"

namespace pedigree::update {

/// What is offered of an upload, as pedigree_image_write (pedigree/update.h) says it.
struct Part {
  std::uint32_t offset = 0;
  std::uint32_t total = 0;
  const Sha256* sha256 = nullptr;  ///< of the whole; nothing: not announced
  Bytes data;
};
struct Progress {
  std::uint32_t next = 0;
  bool complete = false;
};

/// What can be read of an image in a slot, unverified. The digest is that of its own hash TLV and borrows the
/// flash.
struct Facts {
  image::Layout layout;
  Bytes digest;
  std::optional<std::uint32_t> security_counter;
};
/// Errors: those of image::read_layout and TlvReader, missing_tlv (no hash, or one that does not fit).
[[nodiscard]] Result<Facts> read_facts(Bytes image) noexcept;

class Updater {
 public:
  /// All borrowed. `scratch` holds image::kRevocationScratch octets; `report` is the boot stage's.
  Updater(Flash& flash, const Layout& layout, const crypto::Crypto& crypto, const BootReport& report,
          MutableBytes scratch) noexcept
      : flash_(flash),
        layout_(layout),
        crypto_(crypto),
        report_(report),
        log_(flash, layout),
        scratch_(scratch) {}

  /// Reads the state, once at boot. Until it has succeeded, everything else answers its error. Errors:
  /// storage_corrupt.
  [[nodiscard]] Result<void> mount() noexcept;

  [[nodiscard]] const State& state() const noexcept { return state_; }
  [[nodiscard]] const BootReport& report() const noexcept { return report_; }
  /// Octets of a whole image in a slot, else empty.
  [[nodiscard]] Bytes image(std::size_t slot) const noexcept;

  // What pedigree/update.h says of the functions of the same names.
  [[nodiscard]] Result<Progress> write(const Part& part) noexcept;
  [[nodiscard]] Result<void> test(Bytes digest) noexcept;
  [[nodiscard]] Result<void> confirm(Bytes digest) noexcept;
  /// `slot`: kUploadSlot for the one that an upload would go to.
  [[nodiscard]] Result<void> erase(std::uint32_t slot) noexcept;
  static constexpr std::uint32_t kUploadSlot = 0xffffffff;

  /// Returns the offset where to go on.
  [[nodiscard]] Result<std::uint32_t> write_list(std::uint32_t offset, std::uint32_t total,
                                                 Bytes data) noexcept;

 private:
  [[nodiscard]] std::uint8_t running() const noexcept { return report_.images[kNonSecure].slot; }
  /// Errors: wrong_image_state.
  [[nodiscard]] Result<std::uint8_t> free_slot() const noexcept;
  [[nodiscard]] Result<std::uint8_t> find(Bytes digest) const noexcept;
  [[nodiscard]] Result<Progress> begin(const Part& part) noexcept;
  [[nodiscard]] bool is_same_upload(std::uint8_t slot, const Part& part) const noexcept;
  void take(std::uint8_t slot, Bytes data) noexcept;
  void mark_sector(std::uint32_t index) noexcept;
  [[nodiscard]] std::uint32_t marked_size(std::uint32_t total) const noexcept;
  [[nodiscard]] std::uint8_t receiving() const noexcept;
  [[nodiscard]] Result<void> check_whole(std::uint8_t slot) const noexcept;
  [[nodiscard]] Result<Progress> finish(std::uint8_t slot) noexcept;
  void drop(std::uint8_t slot) noexcept;
  /// Has the boot stage start this slot at the next reset: to be tested, or for good.
  void start_next(std::uint8_t slot, bool permanent) noexcept;
  [[nodiscard]] Result<void> confirm_running() noexcept;
  [[nodiscard]] Result<void> adopt_list(std::uint8_t bank, std::uint32_t size) noexcept;

  Flash& flash_;
  const Layout& layout_;
  const crypto::Crypto& crypto_;
  const BootReport& report_;
  StateLog log_;
  MutableBytes scratch_;
  State state_{};
  std::optional<ErrorCode> unusable_{ErrorCode::storage_failure};  ///< until mounted
  std::uint32_t received_ = 0;                                     ///< octets of the upload under way
  std::uint32_t list_total_ = 0;                                   ///< of the list being received; 0: none
  std::uint32_t list_received_ = 0;
};

/// A new device: slot 0 holds `image`, confirmed; no counter, no list. The area is erased. What the factory
/// does.
void make_new(Flash& flash, const Layout& layout, Bytes image) noexcept;

}  // namespace pedigree::update
