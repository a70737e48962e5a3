// SPDX-License-Identifier: Apache-2.0
#include "device/update/updater.h"

#include "device/service/record.h"

namespace pedigree::update {
namespace {

bool is_hash(image::TlvType type) noexcept {
  return type == image::TlvType::sha256 || type == image::TlvType::sha384 || type == image::TlvType::sha512;
}

/// {id, index, and both inverted}: no mark of another upload, and nothing torn, passes for it.
std::array<std::uint8_t, Layout::kMarkSize> mark_of(std::uint32_t id, std::uint32_t index) noexcept {
  std::array<std::uint8_t, Layout::kMarkSize> mark{};
  Writer out(mark);
  for (const std::uint32_t value : {id, index, ~id, ~index}) out.big_endian(value, 4);
  return mark;
}

}  // namespace

Result<Facts> read_facts(Bytes image) noexcept {
  const image::MemorySource source(image);
  Facts facts;
  PEDIGREE_ASSIGN(facts.layout, image::read_layout(source));
  image::TlvReader reader(source, facts.layout);
  while (true) {
    PEDIGREE_ASSIGN(const std::optional<image::Tlv> tlv, reader.next());
    if (!tlv) break;
    const Bytes value = image.subspan(tlv->value_offset(), tlv->size);
    if (is_hash(tlv->type)) facts.digest = value;
    if (tlv->type == image::TlvType::security_counter && value.size() == 4) {
      facts.security_counter = image::read_little_endian(value);
    }
  }
  if (facts.digest.empty() || facts.digest.size() > crypto::kMaxDigestSize) {
    return fail(ErrorCode::missing_tlv, facts.layout.hashed_size);
  }
  return facts;
}

Result<void> Updater::mount() noexcept {
  auto read = log_.read();
  if (!read) {
    unusable_ = read.error().code;
    return std::unexpected(read.error());
  }
  state_ = *read;
  unusable_.reset();
  const std::uint8_t slot = state_.upload.slot;
  if (slot != kNoSlot && state_.slots[slot].content == Content::receiving) {
    received_ = marked_size(state_.slots[slot].size);
  } else if (slot != kNoSlot && state_.slots[slot].content == Content::whole) {
    received_ = state_.slots[slot].size;
  }
  return {};
}

Bytes Updater::image(std::size_t slot) const noexcept {
  if (state_.slots[slot].content != Content::whole) return {};
  return flash_.contents().subspan(layout_.slot(slot), state_.slots[slot].size);
}

std::uint8_t Updater::receiving() const noexcept {
  for (std::uint8_t slot = 0; slot < kSlots; ++slot) {
    if (state_.slots[slot].content == Content::receiving) return slot;
  }
  return kNoSlot;
}

/// Octets of the sectors that are known to be written, which is where an upload goes on after a loss of
/// power.
std::uint32_t Updater::marked_size(std::uint32_t total) const noexcept {
  std::uint32_t index = 0;
  const auto sector = static_cast<std::uint32_t>(layout_.sector);
  while (index * sector < total) {
    const Bytes found =
        flash_.contents().subspan(layout_.marks() + index * Layout::kMarkSize, Layout::kMarkSize);
    if (!equal(found, mark_of(state_.upload.id, index))) break;
    ++index;
  }
  return std::min(index * sector, total);
}

void Updater::mark_sector(std::uint32_t index) noexcept {
  program(flash_, layout_.marks() + index * Layout::kMarkSize, mark_of(state_.upload.id, index));
}

Result<std::uint8_t> Updater::free_slot() const noexcept {
  for (std::uint8_t slot = 0; slot < kSlots; ++slot) {
    if (slot != running() && slot != state_.confirmed) return slot;
  }
  return fail(ErrorCode::wrong_image_state);
}

Result<std::uint8_t> Updater::find(Bytes digest) const noexcept {
  for (std::uint8_t slot = 0; slot < kSlots; ++slot) {
    const auto facts = read_facts(image(slot));
    if (facts && equal(facts->digest, digest)) return slot;
  }
  return fail(ErrorCode::not_found);
}

bool Updater::is_same_upload(std::uint8_t slot, const Part& part) const noexcept {
  return state_.slots[slot].content != Content::empty && state_.slots[slot].size == part.total &&
         part.sha256 != nullptr && state_.upload.slot == slot && state_.upload.has_sha &&
         state_.upload.sha256 == *part.sha256;
}

/// At offset 0: goes on with the upload that is there already, or makes room for a new one.
Result<Progress> Updater::begin(const Part& part) noexcept {
  PEDIGREE_ASSIGN(const std::uint8_t slot, free_slot());
  if (part.total == 0) return fail(ErrorCode::bad_request);
  if (part.total > layout_.slot_size) return fail(ErrorCode::too_long);
  if (is_same_upload(slot, part)) {
    return Progress{received_, state_.slots[slot].content == Content::whole};
  }
  State next = state_;
  next.slots[slot] = {Content::receiving, part.total, 0};
  if (next.pending == slot) next.pending = kNoSlot;
  // A receiving slot that is no longer the free one: confirm came in between.
  next.slots[1 - slot].content =
      next.slots[1 - slot].content == Content::receiving ? Content::empty : next.slots[1 - slot].content;
  next.upload = {state_.sequence + 1, slot, part.sha256 != nullptr, {}};
  if (part.sha256 != nullptr) next.upload.sha256 = *part.sha256;
  log_.write(next);
  state_ = next;
  received_ = 0;
  return Progress{};
}

/// Writes octets behind those received; a sector is erased when its first octet comes, and marked when its
/// last is there.
void Updater::take(std::uint8_t slot, Bytes data) noexcept {
  if (received_ == 0) update::erase(flash_, layout_, layout_.marks(), layout_.marks_size());
  const auto sector = static_cast<std::uint32_t>(layout_.sector);
  while (!data.empty()) {
    const std::uint32_t within = received_ % sector;
    const std::size_t at = layout_.slot(slot) + received_;
    if (within == 0) update::erase(flash_, layout_, at, sector);
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(sector - within, data.size()));
    program(flash_, at, data.first(size));
    data = data.subspan(size);
    received_ += size;
    if (received_ % sector == 0 || received_ == state_.slots[slot].size) {
      mark_sector((received_ - 1) / sector);
    }
  }
}

Result<void> Updater::check_whole(std::uint8_t slot) const noexcept {
  const Bytes whole = flash_.contents().subspan(layout_.slot(slot), state_.slots[slot].size);
  if (state_.upload.has_sha) {
    PEDIGREE_ASSIGN(const Sha256 sha256, crypto_.sha256(whole));
    if (sha256 != state_.upload.sha256) return fail(ErrorCode::bad_digest);
  }
  PEDIGREE_TRY(read_facts(whole));
  return {};
}

void Updater::drop(std::uint8_t slot) noexcept {
  State next = state_;
  next.slots[slot] = {};
  if (next.pending == slot) next.pending = kNoSlot;
  log_.write(next);
  state_ = next;
  received_ = 0;
}

Result<Progress> Updater::finish(std::uint8_t slot) noexcept {
  if (const auto checked = check_whole(slot); !checked) {
    drop(slot);
    return std::unexpected(checked.error());
  }
  State next = state_;
  next.slots[slot].content = Content::whole;
  log_.write(next);
  state_ = next;
  return Progress{next.slots[slot].size, true};
}

Result<Progress> Updater::write(const Part& part) noexcept {
  if (unusable_) return fail(*unusable_);
  if (part.offset == 0) {
    PEDIGREE_ASSIGN(const Progress begun, begin(part));
    if (begun.complete) return begun;
    if (begun.next == state_.slots[receiving()].size) return finish(receiving());
    if (begun.next != 0) return begun;
  }
  const std::uint8_t slot = receiving();
  if (slot == kNoSlot) {
    // What repeats the last part of an upload has come too late to be wrong.
    const bool whole = state_.upload.slot != kNoSlot &&
                       state_.slots[state_.upload.slot].content == Content::whole && part.offset != 0;
    return whole ? Progress{received_, true} : Progress{};
  }
  if (part.offset != received_) return Progress{received_, false};
  if (part.data.size() > state_.slots[slot].size - received_) return fail(ErrorCode::bad_request);
  take(slot, part.data);
  if (received_ < state_.slots[slot].size) return Progress{received_, false};
  return finish(slot);
}

void Updater::start_next(std::uint8_t slot, bool permanent) noexcept {
  if (state_.pending == slot && state_.permanent == permanent) return;
  State next = state_;
  next.pending = slot;
  next.permanent = permanent;
  next.slots[slot].refused = 0;
  log_.write(next);
  state_ = next;
}

Result<void> Updater::test(Bytes digest) noexcept {
  if (unusable_) return fail(*unusable_);
  PEDIGREE_ASSIGN(const std::uint8_t slot, find(digest));
  if (slot == running()) return fail(ErrorCode::wrong_image_state);
  start_next(slot, false);
  return {};
}

Result<void> Updater::confirm_running() noexcept {
  const std::uint8_t slot = running();
  if (slot >= kSlots) return fail(ErrorCode::wrong_image_state);
  State next = state_;
  next.confirmed = slot;
  next.trying = kNoSlot;
  for (std::size_t i = 0; i < kImages; ++i) {
    if (report_.images[i].has_counter) {
      next.counters[i] = std::max(next.counters[i], report_.images[i].security_counter);
    }
  }
  const bool same =
      next.confirmed == state_.confirmed && next.trying == state_.trying && next.counters == state_.counters;
  if (same) return {};
  log_.write(next);
  state_ = next;
  return {};
}

Result<void> Updater::confirm(Bytes digest) noexcept {
  if (unusable_) return fail(*unusable_);
  if (digest.empty()) return confirm_running();
  PEDIGREE_ASSIGN(const std::uint8_t slot, find(digest));
  if (slot == running()) return confirm_running();
  // The image on trial would lose the one that it falls back to.
  if (state_.confirmed != running()) return fail(ErrorCode::wrong_image_state);
  start_next(slot, true);
  return {};
}

Result<void> Updater::erase(std::uint32_t number) noexcept {
  if (unusable_) return fail(*unusable_);
  if (number == kUploadSlot) {
    PEDIGREE_ASSIGN(number, free_slot());
  }
  if (number >= kSlots) return fail(ErrorCode::not_found);
  const auto slot = static_cast<std::uint8_t>(number);
  if (slot == running() || slot == state_.confirmed) return fail(ErrorCode::wrong_image_state);
  if (state_.slots[slot].content != Content::empty || state_.slots[slot].refused != 0) drop(slot);
  update::erase(flash_, layout_, layout_.slot(slot), layout_.slot_size);
  return {};
}

void make_new(Flash& flash, const Layout& layout, Bytes image) noexcept {
  program(flash, layout.slot(0), image);
  State state;
  state.confirmed = 0;
  state.slots[0] = {Content::whole, static_cast<std::uint32_t>(image.size()), 0};
  StateLog(flash, layout).make_new(state);
}

}  // namespace pedigree::update
