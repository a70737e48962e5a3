// SPDX-License-Identifier: Apache-2.0
#include "device/ports/qemu/emulator.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "device/ports/mps2/memory_map.h"

namespace pedigree::qemu {
namespace {

/// In QEMU's comma separated options a comma is written twice.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char letter : path) text.append(letter == ',' ? 2 : 1, letter);
  return text;
}

/// The emulator works in the state folder, so the names of its files are plain. Semihosting stays off: it
/// would bypass TrustZone.
std::vector<std::string> command_line(const Firmware& firmware, int line) {
  std::vector<std::string> words{
      firmware.emulator,
      "-M",
      "mps2-an505,memory-backend=nv",
      "-object",
      "memory-backend-file,id=nv,size=16M,mem-path=nv,share=on",
      "-accel",
      "tcg,tb-size=16",
      "-no-user-config",
      "-display",
      "none",
      "-monitor",
      "none",
      "-nic",
      "none",
      "-no-reboot",
      "-sandbox",
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
      "-chardev",
      "socket,id=smp,fd=" + std::to_string(line),
      "-serial",
      "chardev:smp",
      "-chardev",
      "file,id=log,path=secure.log,append=on",
      "-serial",
      "chardev:log",
      "-kernel",
      firmware.boot,
      "-device",
      "loader,force-raw=on,addr=" + std::to_string(mps2::kSecureImage) + ",file=" + escaped(firmware.secure)};
  if (firmware.count_instructions) words.insert(words.end(), {"-icount", "shift=0"});
  return words;
}

/// What the child needs; nothing is allocated after fork.
struct Child {
  const char* folder;
  int line;
  int lock;
  int errors;
  pid_t parent;
  std::vector<char*> arguments;
};

[[noreturn]] void become(const Child& child) noexcept {
  // Not reached by the terminal's Ctrl-C; ended by us, or by our end.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != child.parent) _exit(127);
  (void)std::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const bool ready = nothing >= 0 && ::chdir(child.folder) == 0 && ::dup2(nothing, STDIN_FILENO) >= 0 &&
                     ::dup2(child.errors, STDOUT_FILENO) >= 0 && ::dup2(child.errors, STDERR_FILENO) >= 0 &&
                     ::fcntl(child.line, F_SETFD, 0) == 0 && ::fcntl(child.lock, F_SETFD, 0) == 0;
  if (ready) ::execv(child.arguments[0], child.arguments.data());
  _exit(127);
}

std::unexpected<std::string> failure(const char* what) {
  return std::unexpected(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

std::expected<Emulator, std::string> Emulator::start(const Firmware& firmware, const State& state) {
  std::array<int, 2> line{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line.data()) != 0) {
    return failure("cannot make a socket");
  }
  const int errors = ::open(state.emulator_log().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  std::vector<std::string> words = command_line(firmware, line[1]);
  Child child{state.folder().c_str(), line[1], state.lock(), errors, ::getpid(), {}};
  for (std::string& word : words) child.arguments.push_back(word.data());
  child.arguments.push_back(nullptr);
  const pid_t pid = errors < 0 ? -1 : ::fork();
  if (pid == 0) become(child);
  const int reason = errno;
  ::close(line[1]);
  if (errors >= 0) ::close(errors);
  if (pid < 0) {
    ::close(line[0]);
    errno = reason;
    return failure("cannot start the emulator");
  }
  const int watch = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  Emulator emulator(pid, line[0], watch);
  if (watch < 0) return failure("cannot watch the emulator");
  return emulator;
}

Emulator::Emulator(Emulator&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      line_(std::exchange(other.line_, -1)),
      watch_(std::exchange(other.watch_, -1)) {}

Emulator::~Emulator() {
  if (pid_ > 0) {
    kill();
    (void)wait();
  }
  for (const int file : {line_, watch_})
    if (file >= 0) ::close(file);
}

int Emulator::take_line() noexcept {
  return std::exchange(line_, -1);
}

int Emulator::take_watch() noexcept {
  return std::exchange(watch_, -1);
}

void Emulator::kill() noexcept {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

End Emulator::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return {false, signal == SIGKILL || signal == SIGTERM, "signal " + std::to_string(signal)};
  }
  return {WEXITSTATUS(status) == 0, false, "exit status " + std::to_string(WEXITSTATUS(status))};
}

}  // namespace pedigree::qemu
