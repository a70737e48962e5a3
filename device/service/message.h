// SPDX-License-Identifier: Apache-2.0
// One psa_call as the service sees it: the port maps it to psa_read and psa_write. Input is copied on
// reading, so that nothing the caller can still change is ever judged or signed.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::device {

/// Input and output vectors of one call; the port's subclass owns them.
class Message {
 public:
  Message() noexcept = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  [[nodiscard]] virtual std::int32_t type() const noexcept = 0;
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

/// Reads an input vector that must be exactly one T (a structure of pedigree/service.h).
/// Errors: bad_request.
template <typename T>
[[nodiscard]] Result<T> read_input(Message& message, unsigned index) noexcept {
  T value{};
  if (message.in_size(index) != sizeof(T)) return fail(ErrorCode::bad_request);
  if (message.read(index, {reinterpret_cast<std::uint8_t*>(&value), sizeof(T)}) != sizeof(T)) {
    return fail(ErrorCode::bad_request);
  }
  return value;
}

/// Writes one T (a structure of pedigree/service.h) to an output vector; the service has checked the room.
template <typename T>
void write_output(Message& message, unsigned index, const T& value) noexcept {
  message.write(index, {reinterpret_cast<const std::uint8_t*>(&value), sizeof(T)});
}

}  // namespace pedigree::device
