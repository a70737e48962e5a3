// SPDX-License-Identifier: Apache-2.0
#include "device/update/boot.h"

#include "device/service/record.h"

namespace pedigree::update {
namespace {

class Boot {
 public:
  Boot(const BootPlatform& platform, BootLog& log, BootReport& report) noexcept
      : platform_(platform), log_(log), report_(report), records_(platform.flash, platform.layout) {}

  Result<void> run() noexcept {
    report_ = {};
    report_.root = platform_.root;
    PEDIGREE_ASSIGN(state_, records_.read());
    PEDIGREE_TRY(open_list());
    if (const ErrorCode code = check(kSecure, platform_.secure); code != ErrorCode{}) {
      log_.refused(kSecure, 0, code);
      return fail(code);
    }
    report_.images[kSecure].slot = 0;
    start_nonsecure();
    if (changed_) records_.write(state_);
    report_.magic = BootReport::kMagic;
    return {};
  }

 private:
  /// Errors: storage_corrupt. A device whose list cannot be read does not know whom to refuse.
  Result<void> open_list() noexcept {
    const StoredList& stored = state_.list;
    if (stored.bank == kNoSlot) return {};
    const Bytes bank =
        platform_.flash.contents().subspan(platform_.layout.list(stored.bank), platform_.layout.list_size);
    if (stored.size > bank.size() || stored.entries > stored.size ||
        stored.entries_size > stored.size - stored.entries ||
        device::crc32(bank.first(stored.size)) != stored.crc) {
      return fail(ErrorCode::storage_corrupt);
    }
    list_.entries = bank.subspan(stored.entries, stored.entries_size);
    return {};
  }

  /// Verifies an image where it will run, and fills its part of the report. Errors: see boot().
  ErrorCode check(std::size_t index, Bytes octets) noexcept {
    image::BootImage verified;
    const ErrorCode code =
        image::verify_boot_image(platform_.crypto, octets, platform_.root, list_, verified);
    if (code != ErrorCode{}) return code;
    if (!is_for(index, verified.header)) return ErrorCode::bad_image;
    const std::uint32_t counter = verified.security_counter.value_or(0);
    if (counter < state_.counters[index]) return ErrorCode::rolled_back;
    Measured& out = report_.images[index];
    out.digest_size = sizeof verified.digest;
    out.has_counter = verified.security_counter.has_value();
    out.security_counter = counter;
    out.size = verified.size;
    out.version = verified.header.version;
    std::copy(verified.digest.begin(), verified.digest.end(), out.digest.begin());
    out.signer = verified.signer;
    return {};
  }

  /// An image for another place, or of the other world, is none here.
  [[nodiscard]] bool is_for(std::size_t index, const image::Header& header) const noexcept {
    const bool secure = index == kSecure;
    constexpr std::uint32_t kKinds = image::kRomFixed | image::kRamLoad | image::kNonBootable;
    return header.load_address == (secure ? platform_.secure_address : platform_.nonsecure_address) &&
           (header.flags & kKinds) == (secure ? image::kRomFixed : image::kRamLoad);
  }

  /// Copies a slot's image to where it runs, and verifies the copy. False where it is refused.
  bool load(std::uint8_t slot) noexcept {
    const Bytes stored = platform_.flash.contents().subspan(
        platform_.layout.slot(slot),
        std::min<std::size_t>(state_.slots[slot].size, platform_.layout.slot_size));
    ErrorCode code = ErrorCode::too_long;
    if (stored.size() <= platform_.execution.size()) {
      std::copy(stored.begin(), stored.end(), platform_.execution.begin());
      code = check(kNonSecure, Bytes(platform_.execution).first(stored.size()));
    }
    const auto refused = static_cast<std::uint16_t>(code);
    changed_ = changed_ || refused != state_.slots[slot].refused;
    state_.slots[slot].refused = refused;
    if (code == ErrorCode{}) return true;
    log_.refused(kNonSecure, slot, code);
    report_.nonsecure_error = refused;
    return false;
  }

  void start_nonsecure() noexcept {
    report_.nonsecure_error = static_cast<std::uint16_t>(ErrorCode::no_bootable_image);
    if (state_.trying != kNoSlot) {
      log_.reverted(state_.trying);
      state_.trying = kNoSlot;
      changed_ = true;
    }
    const std::uint8_t pending = state_.pending;
    const bool permanent = state_.permanent;
    if (pending != kNoSlot) {
      state_.pending = kNoSlot;
      state_.permanent = false;
      changed_ = true;
    }
    unsigned tried = 0;
    for (const std::uint8_t slot : {pending, state_.confirmed, std::uint8_t{0}, std::uint8_t{1}}) {
      if (slot == kNoSlot || (tried & (1U << slot)) != 0) continue;
      tried |= 1U << slot;
      if (state_.slots[slot].content != Content::whole || !load(slot)) continue;
      report_.images[kNonSecure].slot = slot;
      report_.nonsecure_error = 0;
      if (slot == pending) take_over(slot, permanent);
      return;
    }
  }

  /// The pending image runs from now on: once, or for good.
  void take_over(std::uint8_t slot, bool permanent) noexcept {
    if (slot == state_.confirmed) return;
    if (!permanent) {
      state_.trying = slot;
      return;
    }
    state_.confirmed = slot;
    for (std::size_t i = 0; i < kImages; ++i) {
      state_.counters[i] = std::max(state_.counters[i], report_.images[i].security_counter);
    }
  }

  const BootPlatform& platform_;
  BootLog& log_;
  BootReport& report_;
  StateLog records_;
  State state_{};
  image::RevocationList list_{};
  bool changed_ = false;
};

}  // namespace

Result<void> boot(const BootPlatform& platform, BootLog& log, BootReport& report) noexcept {
  return Boot(platform, log, report).run();
}

}  // namespace pedigree::update
