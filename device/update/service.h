// SPDX-License-Identifier: Apache-2.0
// The calls of pedigree/update.h, served by an Updater.
#pragma once

#include "device/service/message.h"
#include "device/update/updater.h"

namespace pedigree::update {

/// Whether a call's type is one of pedigree/update.h.
[[nodiscard]] bool is_update_call(std::int32_t type) noexcept;
/// Serves one call. Returns 0, or the number of an ErrorCode; no output has been written then.
[[nodiscard]] std::int32_t serve(Updater& updater, device::Message& message) noexcept;

}  // namespace pedigree::update
