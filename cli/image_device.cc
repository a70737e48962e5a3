// SPDX-License-Identifier: Apache-2.0
#include "cli/image_device.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace pedigree::cli {
namespace {

namespace json = boost::json;

/// "active, confirmed".
std::string flags_of(const station::ImageSlot& slot) {
  std::string text;
  const auto add = [&text](bool is_set, const char* word) {
    if (is_set) text += (text.empty() ? "" : ", ") + std::string(word);
  };
  add(slot.active, "active");
  add(slot.confirmed, "confirmed");
  add(slot.pending, slot.permanent ? "pending for good" : "pending");
  add(slot.active && !slot.confirmed, "on trial");
  add(slot.refused.has_value(), "refused");
  add(!slot.bootable && !slot.refused && !slot.active, "not bootable");
  return text.empty() ? "-" : text;
}

}  // namespace

std::string image_table(const Context& context, const std::vector<station::ImageSlot>& slots) {
  Table table({"image", "slot", "version", "hash", "signer", "counter", "state"});
  std::string reasons;
  for (const station::ImageSlot& slot : slots) {
    const Style style = slot.refused ? Style::bad : slot.active ? Style::good : Style::plain;
    table.add({std::to_string(slot.image),
               std::to_string(slot.slot),
               printable(slot.version),
               slot.hash.empty() ? "-" : shorten(slot.hash),
               slot.signer.empty() ? "-" : shorten(slot.signer),
               slot.counter ? std::to_string(*slot.counter) : "-",
               {flags_of(slot), style}});
    if (slot.refused)
      reasons += fmt::format("  slot {} was refused: {}\n", slot.slot, sentence(*slot.refused));
  }
  return table.draw(context) + reasons;
}

json::array to_json(const std::vector<station::ImageSlot>& slots) {
  json::array list;
  for (const station::ImageSlot& slot : slots) {
    json::object entry{
        {"image", slot.image},     {"slot", slot.slot},           {"version", slot.version},
        {"hash", slot.hash},       {"active", slot.active},       {"confirmed", slot.confirmed},
        {"pending", slot.pending}, {"permanent", slot.permanent}, {"bootable", slot.bootable},
        {"signer", slot.signer},   {"counter", nullptr},          {"refused", nullptr}};
    if (slot.counter) entry["counter"] = *slot.counter;
    if (slot.refused) {
      entry["refused"] = json::object{{"code", static_cast<unsigned>(*slot.refused)},
                                      {"error", name(*slot.refused)},
                                      {"message", sentence(*slot.refused)}};
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::string image_next_step(const station::Failure& failure) {
  switch (failure.code) {
    case ErrorCode::unknown_command:
      return "this device does not update its firmware over SMP; one of `pedigree device --qemu` does";
    case ErrorCode::wrong_image_state:
      return "pedigree image state; then pedigree image confirm, or restart the device so that it goes back";
    case ErrorCode::not_found:
      return "pedigree image state shows what the device has; pedigree image upload sends it an image";
    case ErrorCode::list_refused:
      return "a list must be signed below the device's own firmware root: one that was made with another "
             "root, "
             "or a development root, takes no list of this authority";
    case ErrorCode::list_rolled_back:
      return "pedigree authority signer-revocations --out FILE writes the newest list";
    case ErrorCode::timeout:
    case ErrorCode::connection_failed:
      return "run the command again: an upload goes on where it stopped";
    default:
      return {};
  }
}

}  // namespace pedigree::cli
