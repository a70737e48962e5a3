// SPDX-License-Identifier: Apache-2.0
// A board in the emulator, in a folder of its own.
#pragma once

#include <functional>
#include <memory>

#include "device/factory/firmware.h"
#include "station/flow/device.h"
#include "testing/support/process.h"

namespace pedigree::testing {

/// Which images run, of those in build/mps2/bin.
struct Images {
  std::string secure{};  ///< empty: the product's, else a trial image's folder and "/"
  /// What the device is made with. Another than at the last boot is put in its place, as by the factory;
  /// empty: what the device has itself decides.
  std::string nonsecure = "nonsecure";
};

/// The board's state: its non-volatile memory and the logs of the run at hand. Its images are signed below a
/// root of its own, which it has in its OTP page.
class Board {
 public:
  /// A new device: erased memory with a factory seed. Throws a sentence that says what to build where an
  /// image is missing.
  Board();
  /// Memory with these octets in front; the rest is what a new device has.
  void write_memory(std::size_t offset, Bytes octets) const;
  [[nodiscard]] Octets read_memory(std::size_t offset, std::size_t size) const;
  [[nodiscard]] std::filesystem::path memory() const { return folder_ / "nv"; }
  /// Who signs this board's images.
  [[nodiscard]] const factory::DevelopmentSigner& signer() const noexcept { return signer_; }
  /// Signs secure images with these facts from now on.
  void set_secure_facts(const factory::ImageFacts& facts) { secure_facts_ = facts; }
  /// Makes the board anew for a root and images of the test's own.
  void provision(const Sha256& root, Octets secure, Bytes nonsecure);
  /// Runs this secure image from now on, whatever it is, instead of signing one.
  void set_secure_image(Octets image) { secure_image_ = std::move(image); }

  /// Powers on with both UARTs in files.
  [[nodiscard]] std::unique_ptr<Process> run(const Images& images,
                                             const std::vector<std::string>& more = {}) const;
  /// The same with UART0 on `uart`, as the emulator's option -serial names it.
  [[nodiscard]] std::unique_ptr<Process> run_on_line(const Images& images, const std::string& uart,
                                                     const std::vector<std::string>& more = {}) const;
  /// Powers on, hands `use` the line of UART0, powers off. `more`: further options of the emulator.
  void with_link(const Images& images, const std::function<void(station::Link&)>& use,
                 const std::vector<std::string>& more = {}) const;
  /// The same with a device on that line.
  void with_device(const Images& images, const std::function<void(station::Device&)>& use) const;

  /// What the last run said on UART0 and on the secure world's UART.
  [[nodiscard]] std::string nonsecure_log() const;
  [[nodiscard]] std::string secure_log() const;
  [[nodiscard]] std::filesystem::path trace_log() const { return folder_ / "trace.log"; }

 private:
  [[nodiscard]] std::vector<std::string> command(const Images& images, const std::string& uart) const;
  void install(const std::string& nonsecure) const;
  TempDir folder_;
  factory::DevelopmentSigner signer_;
  factory::ImageFacts secure_facts_{};
  std::optional<Octets> secure_image_;
  mutable std::string installed_;  ///< non-secure image that the board was made with last
};

/// The code of an image in build/mps2/bin ("nonsecure", "hole/secure"), to be signed. Throws a sentence that
/// says what to build where it is missing.
[[nodiscard]] Octets image_code(const std::string& name);
/// The value, or throws the sentence that is there instead.
template <typename T>
[[nodiscard]] T must(std::expected<T, std::string> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error());
  return *std::move(outcome);
}
/// Octets of a factory seed as a device is made with (docs/formats.md).
[[nodiscard]] Octets factory_seed(Bytes seed);
inline constexpr std::size_t kFactorySeedOffset = std::size_t{128} * 1024;

}  // namespace pedigree::testing
