// SPDX-License-Identifier: Apache-2.0
// Plays the silicon vendor and the factory for emulated devices: the firmware root goes into the OTP page of
// a new device, once, its first images are signed below that root, and it is moved on in its lifecycle.
#pragma once

#include <optional>

#include "core/enrol/messages.h"
#include "device/factory/development_signer.h"
#include "device/ports/qemu/host.h"

namespace pedigree::factory {

/// Where the images are from.
struct Preparation {
  /// Root certificate (DER). Empty: the images are built ones without signature, and a new device gets a
  /// development root of its own.
  Octets root;
  /// What the device is moved on to, for good. Empty: it stays where it is.
  std::optional<enrol::Lifecycle> lifecycle{};
};

/// For qemu::Host: makes a device that has no root yet, and hands over its secure image.
/// - A new device without `root`: a development root is made in its folder `firmware`, and both images of the
///   firmware are signed below it. At later starts the secure image, which is as it was built last, is signed
///   again; the non-secure one is the device's own, to be updated.
/// - A new device with `root`: the firmware's images are signed already, and are taken as they are. At later
///   starts without `root` the device's own secure image starts again.
/// Errors: a sentence; among others, where a device has another root than the one that is named, or is
/// further in its life than it is to be.
[[nodiscard]] std::expected<std::filesystem::path, std::string> prepare(const qemu::State& state,
                                                                        const qemu::Firmware& firmware,
                                                                        const Preparation& preparation);

/// Whether a device's root is one that was made for it, whose keys lie in its state folder.
[[nodiscard]] bool has_development_root(const std::filesystem::path& state);
/// Folder of the development root's keys, in a state folder.
[[nodiscard]] std::filesystem::path development_folder(const std::filesystem::path& state);

}  // namespace pedigree::factory
