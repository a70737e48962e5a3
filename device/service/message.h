// SPDX-License-Identifier: Apache-2.0
// One psa_call as the service sees it: the port maps it to psa_read and psa_write. Input is copied on
// reading, so that nothing the caller can still change is ever judged or signed.
#pragma once

#include "core/bytes/bytes.h"
#include "device/service/status.h"

namespace pedigree::device {

/// Input and output vectors of one call; the port's subclass owns them.
class Message {
 public:
  Message() noexcept = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  [[nodiscard]] virtual std::int32_t type() const noexcept = 0;
  /// Who calls, as the PSA framework says it: negative on the non-secure side, else a secure partition.
  [[nodiscard]] virtual std::int32_t client() const noexcept = 0;
  /// Octets of input vector `index`, and room in output vector `index`; 0 where there is no such vector.
  [[nodiscard]] virtual std::size_t in_size(unsigned index) const noexcept = 0;
  [[nodiscard]] virtual std::size_t out_size(unsigned index) const noexcept = 0;
  /// Copies the first out.size() octets of an input vector (at most its size); returns the number copied.
  virtual std::size_t read(unsigned index, MutableBytes out) noexcept = 0;
  /// Appends to an output vector; the service has checked the room.
  virtual void write(unsigned index, Bytes data) noexcept = 0;

 protected:
  ~Message() = default;
};

/// Reads an input vector that must be exactly as long as `out`. Errors: bad_request.
inline Status read_exactly(Message& message, unsigned index, MutableBytes out) noexcept {
  if (message.in_size(index) != out.size() || message.read(index, out) != out.size()) {
    return ErrorCode::bad_request;
  }
  return {};
}

/// The same for a structure of pedigree/service.h.
template <typename T>
Status read_input(Message& message, unsigned index, T& out) noexcept {
  return read_exactly(message, index, {reinterpret_cast<std::uint8_t*>(&out), sizeof(T)});
}

/// Writes a structure of pedigree/service.h to an output vector; the service has checked the room.
template <typename T>
void write_output(Message& message, unsigned index, const T& value) noexcept {
  message.write(index, {reinterpret_cast<const std::uint8_t*>(&value), sizeof(T)});
}

/// Errors: buffer_too_small, unless output vector `index` has room for `size` octets.
inline Status check_room(const Message& message, unsigned index, std::size_t size) noexcept {
  return message.out_size(index) < size ? ErrorCode::buffer_too_small : ErrorCode{};
}

}  // namespace pedigree::device
