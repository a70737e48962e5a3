// SPDX-License-Identifier: Apache-2.0
// Objects that go to a device in parts, of which some are lost.
#pragma once

#include <fmt/format.h>

#include <algorithm>

#include "core/enrol/image_group.h"
#include "station/flow/image.h"
#include "station/flow/payload.h"
#include "station/link/link.h"

namespace pedigree::station {

/// How often a transfer may make no progress before it is given up.
inline constexpr unsigned kStandstills = 4;
/// Parts that are handed to the link at once, in multiples of what the device buffers: enough to keep the
/// line busy, and few enough that a loss, after which the rest is refused, costs little.
inline constexpr std::size_t kRounds = 4;

/// Moves an object to the device in parts: `part(offset)` makes a request, `stands(payload)` reads from its
/// answer where the transfer stands.
class Transfer {
 public:
  Transfer(Link& link, std::size_t total, std::string what)
      : link_(link), total_(total), what_(std::move(what)) {}

  template <typename Part, typename Stands, typename Progress>
  Outcome<Uploaded> run(Part part, Stands stands, Progress progress) {
    std::size_t position = 0;
    std::optional<std::size_t> resumed;
    for (unsigned standstills = 0; standstills < kStandstills;) {
      STATION_ASSIGN(const std::size_t reached, round(part, stands, position));
      // What the first answer counts beyond the first part was there before.
      if (!resumed) resumed = reached > first_size_ ? reached : 0;
      if (reached > position) progress(reached);
      if (reached == total_) return Uploaded{total_, *resumed};
      standstills = reached > position ? 0 : standstills + 1;
      together_ = reached > position ? most_together() : 1;
      position = reached;
    }
    return failed_with(Side::device, ErrorCode::bad_offset,
                       fmt::format("{} stands still at {} of {} octets", what_, position, total_));
  }

 private:
  [[nodiscard]] std::size_t most_together() const { return kRounds * std::max(1U, link_.limits().in_flight); }

  /// Sends parts from `position` on. Answers where the device stands then: the last answer counts, as an
  /// earlier one may be from before a restart of the device.
  template <typename Part, typename Stands>
  Outcome<std::size_t> round(Part part, Stands stands, std::size_t position) {
    std::vector<Request> parts;
    for (std::size_t next = position; next < total_ && parts.size() < together_;) {
      std::size_t size = 0;
      parts.push_back(part(next, size));
      if (next == 0) first_size_ = size;
      next += size;
    }
    std::size_t reached = 0;
    for (auto& answer : link_.exchange(std::move(parts))) {
      STATION_ASSIGN(const auto payload, payload_of(std::move(answer)));
      STATION_ASSIGN(const std::size_t offset, stands(payload));
      if (offset > total_) return unreadable(Side::device, {ErrorCode::bad_offset, 0}, what_);
      reached = std::max(reached, offset);
    }
    return reached;
  }

  Link& link_;
  std::size_t total_;
  std::string what_;
  std::size_t together_ = 1;  // the first part alone: it says where the device stands
  std::size_t first_size_ = 0;
};

/// Sends an object to a command of Pedigree's group that takes it in parts (RevocationsWrite, answered with
/// ChainWriteResponse), and looks at it with the last one.
[[nodiscard]] Outcome<void> send_object(Link& link, enrol::Command command, Bytes object, std::string what);

}  // namespace pedigree::station
