// SPDX-License-Identifier: Apache-2.0
// What a step of the service ends with. A Result carries an offset that no caller of the service sees; a bare
// code fits a register, which makes a check a third as large.
#pragma once

#include "core/bytes/error.h"

namespace pedigree::device {

class [[nodiscard]] Status {
 public:
  constexpr Status() noexcept = default;                      ///< success
  constexpr Status(ErrorCode code) noexcept : code_(code) {}  // NOLINT(google-explicit-constructor)
  template <typename T>
  constexpr Status(const Result<T>& result) noexcept  // NOLINT(google-explicit-constructor)
      : code_(result ? ErrorCode{} : result.error().code) {}

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == ErrorCode{}; }
  /// ErrorCode{} on success.
  [[nodiscard]] constexpr ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_{};
};

}  // namespace pedigree::device

/// Returns from the enclosing function with the status of `expr`, unless that is success.
#define PEDIGREE_CHECK(expr)                                                                \
  do {                                                                                      \
    if (const ::pedigree::device::Status pedigree_status_ = (expr); !pedigree_status_.ok()) \
      return pedigree_status_;                                                              \
  } while (false)
