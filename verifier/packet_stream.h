// SPDX-License-Identifier: Apache-2.0
// Packets one after another (a CBOR sequence, RFC 8742), in memory that does not grow.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/cbor/cbor.h"

namespace pedigree::verifier {

/// Takes one item after another from a source, and reads no further than the item that is asked for needs,
/// apart from what one read brings: who writes faster than this is used has to wait.
class PacketStream {
 public:
  /// Fills some of `out`, at least one octet; 0 at the end. Errors are passed on.
  using Read = std::function<Result<std::size_t>(MutableBytes out)>;
  /// `limit`: octets of the largest packet.
  PacketStream(Read read, std::size_t limit);

  /// The next packet, valid until the next call; empty at the end. Errors: packet_too_large, truncated (the
  /// source ends inside a packet), those of cbor::skip, of `read`; the offset counts from the start of the
  /// stream, modulo 2^32. After an error there is no next packet.
  [[nodiscard]] Result<std::optional<Bytes>> next();
  /// Octets of the packets taken so far.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

 private:
  Result<bool> fill();
  [[nodiscard]] std::unexpected<Error> at_offset(Error error) const noexcept;
  Read read_;
  std::size_t limit_;
  std::vector<std::uint8_t> buffer_;
  std::size_t start_ = 0;  ///< of what has not been taken
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  std::size_t last_ = 0;  ///< octets of the packet that was given last
};

}  // namespace pedigree::verifier
