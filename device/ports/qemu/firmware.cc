// SPDX-License-Identifier: Apache-2.0
#include "device/ports/qemu/firmware.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace pedigree::qemu {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmulator = "qemu-system-arm";
constexpr const char* kBuild = "tools/setup.sh source mbedtls && tools/setup.sh build mps2";

fs::path in_path(const std::string& program) {
  const char* const folders = std::getenv("PATH");
  std::istringstream in(folders == nullptr ? "" : folders);
  for (std::string folder; std::getline(in, folder, ':');) {
    const fs::path candidate = fs::path(folder.empty() ? "." : folder) / program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Firmware images_in(const fs::path& folder) {
  const fs::path absolute = fs::absolute(folder);
  return {{}, absolute / "boot.elf", absolute / "secure.bin", absolute / "nonsecure.bin", false};
}

/// The first image that is not there; empty if none is missing.
fs::path missing_of(const Firmware& firmware) {
  for (const fs::path& image : {firmware.boot, firmware.secure, firmware.nonsecure}) {
    if (::access(image.c_str(), R_OK) != 0) return image;
  }
  return {};
}

std::expected<fs::path, Problem> find_emulator() {
  const fs::path emulator = in_path(kEmulator);
  if (!emulator.empty()) return fs::absolute(emulator);
  return std::unexpected(
      Problem{std::string(kEmulator) + " is not installed", "apt-get install qemu-system-arm"});
}

}  // namespace

std::vector<fs::path> usual_folders() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const fs::path above = program.parent_path().parent_path();
  return {above.parent_path() / "mps2" / "bin", above / "share" / "pedigree" / "mps2"};
}

std::expected<Firmware, Problem> find_signed_firmware(const fs::path& folder) {
  auto emulator = find_emulator();
  if (!emulator) return std::unexpected(emulator.error());
  const fs::path absolute = fs::absolute(folder);
  Firmware firmware{*emulator, absolute / "boot.elf", absolute / "secure.img", absolute / "nonsecure.img",
                    false};
  for (const fs::path& usual : usual_folders()) {
    if (::access(firmware.boot.c_str(), R_OK) != 0) firmware.boot = usual / "boot.elf";
  }
  const fs::path missing = missing_of(firmware);
  if (missing.empty()) return firmware;
  const bool boot = missing == firmware.boot;
  return std::unexpected(Problem{"there is no " + missing.lexically_normal().string(),
                                 boot ? kBuild : "sign the images: pedigree image sign --help"});
}

std::expected<Firmware, Problem> find_firmware(const fs::path& folder) {
  auto emulator = find_emulator();
  if (!emulator) return std::unexpected(emulator.error());
  const std::vector<fs::path> folders = folder.empty() ? usual_folders() : std::vector{folder};
  const auto found =
      std::ranges::find_if(folders, [](const fs::path& one) { return missing_of(images_in(one)).empty(); });
  if (found == folders.end()) {
    const std::string what =
        folders.empty() ? "boot.elf" : missing_of(images_in(folders.front())).lexically_normal().string();
    return std::unexpected(Problem{"the firmware is not built: there is no " + what, kBuild});
  }
  Firmware firmware = images_in(*found);
  firmware.emulator = *emulator;
  return firmware;
}

}  // namespace pedigree::qemu
