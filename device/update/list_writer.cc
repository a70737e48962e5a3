// SPDX-License-Identifier: Apache-2.0
// The list of revoked signers: received into the bank that does not count, verified, and then named by the
// state.
#include "device/service/record.h"
#include "device/update/updater.h"

namespace pedigree::update {

Result<void> Updater::adopt_list(std::uint8_t bank, std::uint32_t size) noexcept {
  const Bytes message = flash_.contents().subspan(layout_.list(bank), size);
  x509::TrustAnchor root;
  root.spki_sha256 = report_.root;
  x509::Verdict path;
  PEDIGREE_ASSIGN(const image::RevocationList list,
                  image::verify_list(crypto_, message, {{&root, 1}, std::nullopt}, scratch_, path));
  const StoredList& kept = state_.list;
  if (kept.bank != kNoSlot) {
    image::RevocationList before;
    before.number = kept.number;
    const Bytes kept_message = flash_.contents().subspan(layout_.list(kept.bank), kept.size);
    PEDIGREE_ASSIGN(const bool newer, image::replaces(list, message, before, kept_message));
    if (!newer) return {};
  }
  State next = state_;
  next.list = {bank,
               size,
               list.number,
               static_cast<std::uint32_t>(list.entries.data() - message.data()),
               static_cast<std::uint32_t>(list.entries.size()),
               device::crc32(message)};
  log_.write(next);
  state_ = next;
  return {};
}

Result<std::uint32_t> Updater::write_list(std::uint32_t offset, std::uint32_t total, Bytes data) noexcept {
  if (unusable_) return fail(*unusable_);
  const std::uint8_t bank = state_.list.bank == 0 ? 1 : 0;
  if (offset == 0) {
    if (total == 0) return fail(ErrorCode::bad_request);
    if (total > std::min(layout_.list_size, image::kMaxRevocationList)) return fail(ErrorCode::too_long);
    update::erase(flash_, layout_, layout_.list(bank), layout_.list_size);
    list_total_ = total;
    list_received_ = 0;
  }
  if (offset != list_received_) return list_received_;
  if (data.size() > list_total_ - list_received_) {
    list_total_ = list_received_ = 0;
    return fail(ErrorCode::bad_request);
  }
  program(flash_, layout_.list(bank) + list_received_, data);
  list_received_ += static_cast<std::uint32_t>(data.size());
  if (list_received_ < list_total_) return list_received_;
  const std::uint32_t size = list_total_;
  list_total_ = list_received_ = 0;
  PEDIGREE_TRY(adopt_list(bank, size));
  return size;
}

}  // namespace pedigree::update
