// SPDX-License-Identifier: Apache-2.0
// Strict DER for the boot stage's profile: tags of one octet, lengths of up to two. A first failure is noted
// in one place, and everything reads as empty from then on.
#pragma once

#include "core/bytes/bytes.h"

namespace pedigree::image {

/// A cursor over elements; content is opened as a cursor of its own.
class BootDer {
 public:
  BootDer(Bytes octets, bool& bad) noexcept
      : at_(octets.data()), end_(octets.data() + octets.size()), bad_(&bad) {}

  [[nodiscard]] bool more() const noexcept { return at_ != end_; }
  [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }
  [[nodiscard]] bool next_is(std::uint8_t tag) const noexcept { return more() && *at_ == tag; }
  [[nodiscard]] Bytes rest() const noexcept { return {at_, end_}; }
  /// Content of the next element, which has this tag.
  BootDer open(std::uint8_t tag) noexcept;
  /// The next element, whole.
  Bytes whole(std::uint8_t tag) noexcept {
    const std::uint8_t* const start = at_;
    open(tag);
    return {start, at_};
  }
  void require(bool holds) noexcept {
    if (!holds) fail();
  }
  void finish() noexcept { require(!more()); }
  /// BOOLEAN DEFAULT FALSE.
  bool flag() noexcept {
    if (!next_is(0x01)) return false;
    const BootDer value = open(0x01);
    require(value.end_ - value.at_ == 1 && *value.at_ == 0xff);
    return true;
  }

 private:
  void fail() noexcept {
    *bad_ = true;
    at_ = end_;
  }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool* bad_;
};

}  // namespace pedigree::image
