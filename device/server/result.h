// SPDX-License-Identifier: Apache-2.0
// What the service's status means. Internal to device/server.
#pragma once

#include "core/bytes/error.h"
#include "pedigree/service.h"

namespace pedigree::device {

/// Positive status: an ErrorCode of the service; negative: the call itself failed.
[[nodiscard]] inline Result<void> as_result(psa_status_t status) noexcept {
  if (status == 0) return {};
  if (status < 0) return fail(ErrorCode::communication_failure);
  return fail(static_cast<ErrorCode>(status));
}

}  // namespace pedigree::device
