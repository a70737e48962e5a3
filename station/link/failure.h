// SPDX-License-Identifier: Apache-2.0
// A failure as the station reports it: whose it is, which error of the one list, and a sentence for people.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "core/smp/smp.h"

namespace pedigree::station {

/// Who said no, or whom the station could not reach.
enum class Side : std::uint8_t { station, device, authority };
[[nodiscard]] std::string_view name(Side side) noexcept;

struct Failure {
  Side side = Side::station;
  ErrorCode code{};
  std::string message;  ///< one specific sentence, without a full stop
};

template <typename T>
using Outcome = std::expected<T, Failure>;

/// A failure whose sentence is the error's own, with `context` before it ("the CSR: ...") if not empty.
[[nodiscard]] std::unexpected<Failure> failed(Side side, ErrorCode code, std::string_view context = {});
/// The same with the message as given.
[[nodiscard]] std::unexpected<Failure> failed_with(Side side, ErrorCode code, std::string message);
/// An error of core that was met while reading `what`; names the offset if there is one.
[[nodiscard]] std::unexpected<Failure> unreadable(Side side, const Error& error, std::string_view what);

/// The sentence of an SMP status: for every `rc` of SMP itself, every error of the OS group and of ours; an
/// unknown group's number is told.
[[nodiscard]] std::string sentence(const smp::Status& status);
/// The error of the list that stands for a status that is not ok: our group's number, or the nearest one.
[[nodiscard]] ErrorCode code_of(const smp::Status& status) noexcept;

/// Whether trying again later may help: nothing answered, or the other side was busy or failed inside.
[[nodiscard]] bool transient(ErrorCode code) noexcept;

}  // namespace pedigree::station

/// `STATION_ASSIGN(auto x, f());` declares x from an Outcome, or returns its failure.
#define STATION_ASSIGN(declaration, expr) \
  STATION_ASSIGN_INNER(declaration, expr, PEDIGREE_CONCAT(station_outcome_, __LINE__))
#define STATION_ASSIGN_INNER(declaration, expr, temporary)                              \
  auto temporary = (expr);                                                              \
  if (!temporary) [[unlikely]]                                                          \
    return std::unexpected<::pedigree::station::Failure>(std::move(temporary).error()); \
  declaration = *std::move(temporary)
/// Returns the failure of an Outcome, if it has one.
#define STATION_TRY(expr)                                                                    \
  do {                                                                                       \
    if (auto station_try_ = (expr); !station_try_) [[unlikely]]                              \
      return std::unexpected<::pedigree::station::Failure>(std::move(station_try_).error()); \
  } while (false)
