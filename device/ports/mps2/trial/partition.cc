// SPDX-License-Identifier: Apache-2.0
// A secure partition that has a slot of its own: it makes the key at the first boot, as any client of the
// service does. What the non-secure side then can do with that slot is what the isolation test asks.
#include "device/ports/mps2/secure/partitions.h"
#include "device/ports/mps2/secure/world.h"

namespace pedigree::mps2 {
namespace {

constexpr std::int32_t kPartition = 0x101;
constexpr std::uint32_t kSlot = 8;

/// begin, from inside the secure world.
class BeginMessage final : public device::Message {
 public:
  explicit BeginMessage(const pedigree_begin_request_t& request) noexcept : request_(request) {}
  [[nodiscard]] std::int32_t type() const noexcept override { return PEDIGREE_CALL_BEGIN; }
  [[nodiscard]] std::int32_t client() const noexcept override { return kPartition; }
  [[nodiscard]] std::size_t in_size(unsigned index) const noexcept override {
    return index == 0 ? sizeof request_ : 0;
  }
  [[nodiscard]] std::size_t out_size(unsigned /*index*/) const noexcept override { return PEDIGREE_MAX_SPKI; }
  std::size_t read(unsigned index, MutableBytes out) noexcept override {
    const std::size_t size = std::min(in_size(index), out.size());
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&request_), size, out.begin());
    return size;
  }
  void write(unsigned /*index*/, Bytes /*data*/) noexcept override {}

 private:
  const pedigree_begin_request_t& request_;
};

}  // namespace

void start_partitions(device::Service& service) noexcept {
  pedigree_begin_request_t request{};
  request.slot = kSlot;
  request.purpose = static_cast<std::uint8_t>(enrol::Purpose::data);
  request.type = static_cast<std::uint8_t>(crypto::KeyType::p256);
  request.origin = static_cast<std::uint8_t>(enrol::Origin::generate);
  BeginMessage message(request);
  log_hex("partition: begin ", static_cast<std::uint32_t>(service.call(message)));
  log("\n");
}

}  // namespace pedigree::mps2
