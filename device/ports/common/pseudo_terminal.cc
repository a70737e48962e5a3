// SPDX-License-Identifier: Apache-2.0
#include "device/ports/common/pseudo_terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace pedigree::ports {

std::expected<PseudoTerminal, std::string> open_pseudo_terminal() {
  const auto failure = [](const std::string& what) {
    return std::unexpected(what + ": " + std::strerror(errno));
  };
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return failure("pseudo-terminal");
  std::array<char, 128> path{};
  if (::grantpt(master) != 0 || ::unlockpt(master) != 0 ||
      ::ptsname_r(master, path.data(), path.size()) != 0) {
    const auto reason = failure("pseudo-terminal");
    ::close(master);
    return reason;
  }
  const int other_side = ::open(path.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  termios settings{};
  if (other_side < 0 || ::tcgetattr(other_side, &settings) != 0) {
    const auto reason = failure(path.data());
    if (other_side >= 0) ::close(other_side);
    ::close(master);
    return reason;
  }
  ::cfmakeraw(&settings);
  ::tcsetattr(other_side, TCSANOW, &settings);
  return PseudoTerminal{master, other_side, path.data()};
}

}  // namespace pedigree::ports
