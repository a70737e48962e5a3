// SPDX-License-Identifier: Apache-2.0
// The service's own tests that run wherever it runs: on a host under GoogleTest (device/ports/sim) and in the
// secure world of a target (device/ports/mps2). Each is a function over the service's client interface.
#pragma once

#include "device/scenarios/issuer.h"
#include "device/service/platform.h"
#include "pedigree/service.h"

namespace pedigree::scenarios {

/// What a place offers to the tests.
class Port {
 public:
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  /// What pedigree/service.h takes; of the device at hand.
  [[nodiscard]] virtual psa_handle_t handle() const noexcept = 0;
  /// A new device: no keys, no chains, no root, lifecycle assembly and test.
  virtual void make_new() noexcept = 0;
  /// Loses everything but the storage, and boots.
  virtual void boot() noexcept = 0;
  /// Who calls from now on, as the PSA framework numbers them.
  virtual void act_as(std::int32_t client) noexcept = 0;
  [[nodiscard]] virtual device::Platform& platform() noexcept = 0;
  /// A check did not hold.
  virtual void failed(std::string_view check, int line) noexcept = 0;

 protected:
  constexpr Port() noexcept = default;
  ~Port() = default;
};

/// The client id of the non-secure side.
inline constexpr std::int32_t kNonSecure = -1;

/// A key as begin answers.
struct Key {
  psa_status_t status = 0;
  pedigree_begin_response_t response{};
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> octets{};
  std::size_t size = 0;
  [[nodiscard]] Bytes spki() const noexcept { return Bytes(octets).first(size); }
};

/// Octets up to a limit.
template <std::size_t N>
struct Output {
  psa_status_t status = 0;
  std::array<std::uint8_t, N> octets{};
  std::size_t size = 0;
  [[nodiscard]] Bytes view() const noexcept { return Bytes(octets).first(size); }
};

/// The client interface with values, and an authority.
class Stage {
 public:
  explicit Stage(Port& device) noexcept : port(device) {}

  [[nodiscard]] pedigree_info_t info() const noexcept;
  /// The slot's line, or all zeros.
  [[nodiscard]] pedigree_slot_info_t slot(std::uint32_t number) const noexcept;
  [[nodiscard]] Key begin(std::uint32_t slot, enrol::Purpose purpose,
                          enrol::Origin origin = enrol::Origin::generate, std::string_view label = {},
                          bool replace = false) const noexcept;
  [[nodiscard]] Output<512> csr(std::uint32_t slot, std::uint8_t nonce) const noexcept;
  /// Writes from where the device says, in parts of `part` octets, to the end.
  [[nodiscard]] psa_status_t write_chain(std::uint32_t slot, Bytes chain,
                                         std::size_t part = 200) const noexcept;
  [[nodiscard]] psa_status_t write_part(std::uint32_t slot, Bytes chain, std::size_t offset, std::size_t size,
                                        std::uint32_t& next) const noexcept;
  [[nodiscard]] Output<1024> read_chain(std::uint32_t slot) const noexcept;
  [[nodiscard]] Output<PEDIGREE_MAX_TOKEN_RECEIPT> commit(std::uint32_t slot,
                                                          std::uint8_t nonce = 9) const noexcept;
  [[nodiscard]] Output<PEDIGREE_MAX_SIGNATURE> sign_hash(std::uint32_t slot, Bytes digest) const noexcept;
  /// Writes a chain that carries the root, and commits it.
  [[nodiscard]] psa_status_t provision(std::uint32_t slot, Bytes spki) noexcept;

  Port& port;
  crypto::PsaCrypto crypto;
  Issuer issuer{"Test root"};
  std::array<std::uint8_t, Issuer::kMaxChain> chain{};
};

/// One test.
struct Scenario {
  std::string_view name;
  void (*run)(Stage& stage);
};

/// All of them. Each starts with a new device.
[[nodiscard]] std::span<const Scenario> key_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> chain_scenarios() noexcept;

/// The number of an error as the client interface returns it.
[[nodiscard]] constexpr psa_status_t status(ErrorCode code) noexcept {
  return static_cast<psa_status_t>(code);
}

}  // namespace pedigree::scenarios

// NOLINTBEGIN(cppcoreguidelines-macro-usage): the text of a check
#define PEDIGREE_EXPECT(stage, condition)                        \
  do {                                                           \
    if (!(condition)) (stage).port.failed(#condition, __LINE__); \
  } while (false)
/// The same, and the scenario ends.
#define PEDIGREE_REQUIRE(stage, condition)                              \
  do {                                                                  \
    if (!(condition)) return (stage).port.failed(#condition, __LINE__); \
  } while (false)
// NOLINTEND(cppcoreguidelines-macro-usage)
