// SPDX-License-Identifier: Apache-2.0
// What an emulated device consists of besides its state: the emulator, the boot stage, and two images.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace pedigree::qemu {

/// Why something cannot start, in a sentence, and what to do about it.
struct Problem {
  std::string what;
  std::string next;  ///< may be empty
};

/// Absolute paths.
struct Firmware {
  std::filesystem::path emulator;
  std::filesystem::path boot;       ///< ELF
  std::filesystem::path secure;     ///< code, to be signed; or a signed image
  std::filesystem::path nonsecure;  ///< the same
  /// For measurements: the device's clock advances by 1 ns with each instruction, whatever the host does.
  bool count_instructions = false;
};

/// Where the images are looked for if nobody says: in the build tree and in the installation that the running
/// program belongs to.
[[nodiscard]] std::vector<std::filesystem::path> usual_folders();

/// Finds qemu-system-arm in PATH and what was built, boot.elf, secure.bin and nonsecure.bin, in `folder`, or
/// in the first of usual_folders() that has them. Errors name what is missing.
[[nodiscard]] std::expected<Firmware, Problem> find_firmware(const std::filesystem::path& folder = {});
/// The same for signed images, secure.img and nonsecure.img, in `folder`; the boot stage is taken from there
/// too, or where there is none from usual_folders().
[[nodiscard]] std::expected<Firmware, Problem> find_signed_firmware(const std::filesystem::path& folder);

}  // namespace pedigree::qemu
