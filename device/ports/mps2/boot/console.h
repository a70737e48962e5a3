// SPDX-License-Identifier: Apache-2.0
// What the boot stage says on the secure world's UART.
#pragma once

#include <string_view>

#include "core/bytes/error.h"

namespace pedigree::mps2 {

void start_console() noexcept;
void say(std::string_view text) noexcept;
/// `before`, and the number in hexadecimal, at least two digits.
void say_number(std::string_view before, std::uint32_t number) noexcept;
/// "rolled_back (error 0xe7)": the sentences of the error list are left to those who have room for them.
void say_error(ErrorCode code) noexcept;

}  // namespace pedigree::mps2
