// SPDX-License-Identifier: Apache-2.0
#include "verifier/packet_stream.h"

#include <algorithm>

namespace pedigree::verifier {
namespace {

constexpr std::size_t kReadSize = 16384;

}  // namespace

PacketStream::PacketStream(Read read, std::size_t limit)
    : read_(std::move(read)), limit_(limit), buffer_(limit + kReadSize) {}

std::unexpected<Error> PacketStream::at_offset(Error error) const noexcept {
  error.offset += static_cast<std::uint32_t>(offset_);
  return std::unexpected(error);
}

/// False at the end of the source.
Result<bool> PacketStream::fill() {
  if (start_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(start_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= start_;
    start_ = 0;
  }
  const std::size_t room = std::min(buffer_.size() - end_, kReadSize);
  PEDIGREE_ASSIGN(const std::size_t got, read_(MutableBytes(buffer_).subspan(end_, room)));
  end_ += got;
  return got != 0;
}

Result<std::optional<Bytes>> PacketStream::next() {
  offset_ += last_;
  start_ += last_;
  last_ = 0;
  while (true) {
    const Bytes waiting = Bytes(buffer_).subspan(start_, end_ - start_);
    Reader in(waiting);
    const auto packet = cbor::skip(in);
    if (packet && packet->size() <= limit_) {
      last_ = packet->size();
      return std::optional<Bytes>(*packet);
    }
    if (!packet && packet.error().code != ErrorCode::truncated) return at_offset(packet.error());
    if (waiting.size() > limit_) return at_offset({ErrorCode::packet_too_large, 0});
    PEDIGREE_ASSIGN(const bool more, fill());
    if (more) continue;
    if (waiting.empty()) return std::optional<Bytes>();
    return at_offset({ErrorCode::truncated, 0});
  }
}

}  // namespace pedigree::verifier
