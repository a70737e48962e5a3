// SPDX-License-Identifier: Apache-2.0
// Network addresses as they are written on a command line.
#pragma once

#include <string>
#include <utility>

namespace pedigree::station {

/// Host and port of "host:port" or "[ipv6]:port"; without a port it is SMP's own (1337). Both are empty where
/// a bracket is not closed.
[[nodiscard]] std::pair<std::string, std::string> split_address(const std::string& address);

}  // namespace pedigree::station
