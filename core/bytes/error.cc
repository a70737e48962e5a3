// SPDX-License-Identifier: Apache-2.0
#include "core/bytes/error.h"

namespace pedigree {

std::string_view sentence(ErrorCode code) noexcept {
  switch (code) {
#define PEDIGREE_ERROR_SENTENCE(name, number, text) \
  case ErrorCode::name:                             \
    return text;
    PEDIGREE_ERRORS(PEDIGREE_ERROR_SENTENCE)
#undef PEDIGREE_ERROR_SENTENCE
  }
  return "the other side reports an error that this version does not know; update it";
}

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
#define PEDIGREE_ERROR_NAME(name, number, text) \
  case ErrorCode::name:                         \
    return #name;
    PEDIGREE_ERRORS(PEDIGREE_ERROR_NAME)
#undef PEDIGREE_ERROR_NAME
  }
  return "unknown_error";
}

}  // namespace pedigree
