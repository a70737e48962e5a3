// SPDX-License-Identifier: Apache-2.0
// One psa_msg_t as the service reads it.
#pragma once

#include "device/service/message.h"
#include "psa/service.h"

namespace pedigree::tfm {

/// Borrows the message that the framework hands to a secure function, for as long as that runs. psa_read
/// copies: what the service looks at is its own. What psa_write has handed over cannot be taken back: where a
/// call fails later (chain_read of damaged storage), the caller has octets with an error, and no use for
/// them.
class PsaMessage final : public device::Message {
 public:
  explicit PsaMessage(const psa_msg_t& message) noexcept : message_(message) {}

  [[nodiscard]] std::int32_t type() const noexcept override { return message_.type; }
  [[nodiscard]] std::int32_t client() const noexcept override { return message_.client_id; }
  [[nodiscard]] std::size_t in_size(unsigned index) const noexcept override {
    return index < PSA_MAX_IOVEC ? message_.in_size[index] : 0;
  }
  [[nodiscard]] std::size_t out_size(unsigned index) const noexcept override {
    return index < PSA_MAX_IOVEC ? message_.out_size[index] : 0;
  }
  /// The framework hands each octet out once, and so the service reads each vector once.
  std::size_t read(unsigned index, MutableBytes out) noexcept override {
    return in_size(index) == 0 ? 0 : psa_read(message_.handle, index, out.data(), out.size());
  }
  void write(unsigned index, Bytes data) noexcept override {
    if (!data.empty()) psa_write(message_.handle, index, data.data(), data.size());
  }

 private:
  const psa_msg_t& message_;
};

}  // namespace pedigree::tfm
