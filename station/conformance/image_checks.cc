// SPDX-License-Identifier: Apache-2.0
// mcumgr's image group, as far as it can be asked without changing what the device runs.
#include <fmt/format.h>

// The messages before payload.h, which encodes what was declared before it.
#include "core/enrol/image_group.h"
#include "station/conformance/bench.h"
#include "station/flow/image.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using enrol::ImageCommand;
using smp::Operation;

Request image_request(Operation operation, ImageCommand command, Octets payload) {
  return {.operation = operation,
          .group = enrol::kImageGroup,
          .command = static_cast<std::uint8_t>(command),
          .payload = std::move(payload),
          .slow = true};
}

Outcome<std::vector<ImageSlot>> state(Bench& bench) {
  auto slots = ImageClient(bench.wire).state();
  if (!slots && slots.error().code == ErrorCode::unknown_command) {
    return not_run("the device does not update its firmware over SMP");
  }
  return slots;
}

Checked check_state(Bench& bench) {
  STATION_ASSIGN(const auto slots, state(bench));
  std::set<std::uint32_t> active;
  for (const ImageSlot& slot : slots) {
    const auto hash = from_hex(slot.hash);
    const bool whole = hash && (hash->size() == 32 || hash->size() == 48 || hash->size() == 64);
    if (!slot.refused && (!whole || slot.version.empty())) {
      return wrong(fmt::format("image {} slot {} has no version and hash", slot.image, slot.slot));
    }
    if (slot.active && !active.insert(slot.image).second) {
      return wrong(fmt::format("image {} runs from two slots", slot.image));
    }
  }
  return active.contains(0) ? Checked() : wrong("no slot of image 0 is active");
}

/// Stock clients refuse keys that they do not know.
Checked check_stock(Bench& bench) {
  STATION_TRY(state(bench));
  for (const Octets& payload : {Octets(), Octets{0xa0}}) {
    STATION_ASSIGN(const Octets answer,
                   call(bench.wire, image_request(Operation::read, ImageCommand::state, payload)));
    const auto text = as_text(answer);
    for (const std::string_view key : {"signer", "refused", "counter"}) {
      if (text.find(key) != std::string_view::npos) {
        return wrong(fmt::format("\"{}\" is told to a client that did not ask for additions", key));
      }
    }
  }
  return {};
}

/// A request that is refused with an error of the image group in version 2, and one of SMP in version 1.
Checked expect_image_refusal(Bench& bench, const Request& request, std::string_view what) {
  for (const smp::Version version : {smp::Version::v1, smp::Version::v2}) {
    STATION_ASSIGN(const Response answer, bench.wire.ask(request, version));
    const auto status = smp::read_status(answer.payload);
    if (!status) return unreadable(Side::device, status.error(), what);
    if (status->ok()) return wrong(fmt::format("{} was accepted", what));
    if (status->from_group && (version == smp::Version::v1 || status->group != enrol::kImageGroup)) {
      return wrong(fmt::format("{} is refused in the form of another version or group", what));
    }
  }
  return {};
}

Checked check_refusals(Bench& bench) {
  STATION_ASSIGN(const auto before, state(bench));
  const Octets hash = bench.nonce(32);
  for (const bool confirm : {false, true}) {
    const auto payload = encoded(enrol::ImageStateWrite{hash, confirm, false});
    STATION_TRY(expect_image_refusal(bench, image_request(Operation::write, ImageCommand::state, payload),
                                     "the hash of no image"));
  }
  enrol::ImageUploadRequest upload;
  upload.image = 7;
  upload.total = 4096;
  upload.data = hash;
  STATION_TRY(expect_image_refusal(
      bench, image_request(Operation::write, ImageCommand::upload, encoded(upload)), "an image 7"));
  upload.image = 0;
  upload.total = 0xfffffff0U;
  STATION_TRY(expect_image_refusal(
      bench, image_request(Operation::write, ImageCommand::upload, encoded(upload)), "an image of 4 GiB"));
  STATION_TRY(expect_image_refusal(
      bench,
      image_request(Operation::write, ImageCommand::erase, encoded(enrol::ImageEraseRequest{9, false})),
      "to erase a slot 9"));
  STATION_ASSIGN(const auto after, state(bench));
  const auto same = [](const ImageSlot& a, const ImageSlot& b) {
    return a.image == b.image && a.slot == b.slot && a.hash == b.hash && a.pending == b.pending &&
           a.confirmed == b.confirmed && a.active == b.active;
  };
  return std::ranges::equal(before, after, same) ? Checked() : wrong("refused requests changed the images");
}

Checked check_revocations(Bench& bench) {
  STATION_TRY(state(bench));
  ImageClient client(bench.wire);
  const auto before = client.revocations();
  if (!before && before.error().code == ErrorCode::unknown_command) {
    return not_run("the device keeps no list of revoked signers");
  }
  if (!before) return std::unexpected(before.error());
  const Octets list = bench.nonce(100);
  STATION_TRY(expect_error(client.send_revocations(list), "a list that is none", {ErrorCode::list_refused}));
  STATION_ASSIGN(const auto after, client.revocations());
  return after.number == before->number && after.size == before->size
             ? Checked()
             : wrong("a refused list took the place of the one that was kept");
}

}  // namespace

void add_image_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Effect effect, Checked (*run)(Bench&)) {
    checks.push_back({"image", name, what, effect, run});
  };
  add("state", "one image runs, and each has version and hash", Effect::looks, check_state);
  add("stock", "clients that know nothing of Pedigree are told nothing that they do not know", Effect::looks,
      check_stock);
  add("refusals", "images that do not exist, or cannot be, are refused", Effect::keys, check_refusals);
  add("revocations", "a list that nobody signed is refused, and the old one stays", Effect::keys,
      check_revocations);
}

}  // namespace pedigree::station::conformance
