// SPDX-License-Identifier: Apache-2.0
// The smallest port: what an image needs besides core, crypto/psa and device/service, so that the linker can
// tell what these take in flash and RAM (tools/size_table.py). It is linked and measured, and never run.
#include "crypto/psa/psa_crypto.h"
#include "device/service/service.h"

extern "C" {
// Of the platform, as are the PSA interfaces.
std::int32_t platform_call_type(void);
std::int32_t platform_call_client(void);
std::size_t platform_in_size(unsigned index);
std::size_t platform_out_size(unsigned index);
std::size_t platform_read(unsigned index, void* out, std::size_t size);
void platform_write(unsigned index, const void* data, std::size_t size);
void platform_answer(std::int32_t status);
}

namespace pedigree::device {
namespace {

/// Octets of the largest chain, root included: three P-256 certificates of the common size.
constexpr std::size_t kMaxChain = 2048;

class PlatformMessage final : public Message {
 public:
  [[nodiscard]] std::int32_t type() const noexcept override { return platform_call_type(); }
  [[nodiscard]] std::int32_t client() const noexcept override { return platform_call_client(); }
  [[nodiscard]] std::size_t in_size(unsigned index) const noexcept override {
    return platform_in_size(index);
  }
  [[nodiscard]] std::size_t out_size(unsigned index) const noexcept override {
    return platform_out_size(index);
  }
  std::size_t read(unsigned index, MutableBytes out) noexcept override {
    return platform_read(index, out.data(), out.size());
  }
  void write(unsigned index, Bytes data) noexcept override {
    platform_write(index, data.data(), data.size());
  }
};

constinit Platform platform;
constexpr crypto::PsaCrypto kCrypto;
constinit std::array<std::uint8_t, kMaxChain + kMaxRootSpki> memory{};
constinit Service service(platform, kCrypto, memory);

}  // namespace
}  // namespace pedigree::device

extern "C" [[noreturn]] void pedigree_size_image() {
  using namespace pedigree::device;
  service.recover();
  for (;;) {
    PlatformMessage message;
    platform_answer(service.call(message));
  }
}
