// SPDX-License-Identifier: Apache-2.0
// A failure with one specific sentence beside its code, for people.
#pragma once

#include <string>

#include "core/bytes/error.h"

namespace pedigree::authority {

struct Refusal {
  ErrorCode code{};
  std::string detail;  ///< one sentence about this case, without a full stop
};

template <typename T>
using Answer = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refuse(ErrorCode code, std::string detail) {
  return std::unexpected(Refusal{code, std::move(detail)});
}
/// A refusal whose detail is the code's own sentence.
[[nodiscard]] inline std::unexpected<Refusal> refuse(const Error& error) {
  return refuse(error.code, std::string(sentence(error.code)));
}

}  // namespace pedigree::authority
