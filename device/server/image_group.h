// SPDX-License-Identifier: Apache-2.0
// The image group of the SMP server (mcumgr's group 1, Zephyr's fields), on the device's update interface.
// Internal to device/server.
#pragma once

#include "core/enrol/image_group.h"
#include "pedigree/service.h"

namespace pedigree::device {

/// What of a request decides the form of its error: whether it asked for Pedigree's additions, and whether it
/// was to confirm.
struct ImageNotes {
  bool extended = false;
  bool confirm = false;
};

/// Serves a request of the image group: payload in, payload out. Errors: those of pedigree/update.h and of
/// enrol::decode, unknown_command (a device without update answers it to everything),
/// communication_failure.
[[nodiscard]] Result<void> serve_image_group(psa_handle_t service, const smp::Packet& request,
                                             ImageNotes& notes, Writer& out) noexcept;
/// The error map of a request that failed.
void write_image_failure(const smp::Header& header, ErrorCode code, const ImageNotes& notes,
                         Writer& out) noexcept;

}  // namespace pedigree::device
