// SPDX-License-Identifier: Apache-2.0
#include "testing/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace pedigree::testing {
namespace {

/// Output goes to an unlinked file, so that nobody need read while the program runs.
int output_file() {
  std::string name = (std::filesystem::temp_directory_path() / "pedigree-output-XXXXXX").string();
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) throw std::runtime_error("cannot make a temporary file");
  unlink(name.c_str());
  return file;
}

std::string content(int file) {
  std::string text;
  std::array<char, 4096> buffer{};
  off_t offset = 0;
  for (ssize_t count = 0; (count = pread(file, buffer.data(), buffer.size(), offset)) > 0; offset += count) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

/// Everything that allocates happens before fork: the test may have threads.
struct Start {
  Start(const std::vector<std::string>& words, const ProcessOptions& options) : command(words) {
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string_view text = *variable;
      bool replaced = false;
      for (const auto& [name, value] : options.environment) replaced |= text.starts_with(name + "=");
      if (!replaced) variables.emplace_back(text);
    }
    for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
    for (const std::string& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
    environment.push_back(nullptr);
  }
  std::vector<std::string> command, variables;
  std::vector<char*> arguments, environment;
};

/// The child's side; never returns.
[[noreturn]] void become(const Start& start, const ProcessOptions& options) {
  if (options.largest_file) {
    const rlimit limit{.rlim_cur = *options.largest_file, .rlim_max = *options.largest_file};
    setrlimit(RLIMIT_FSIZE, &limit);
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &no_core);
  }
  (void)std::signal(SIGXFSZ, options.ignore_file_limit ? SIG_IGN : SIG_DFL);
  execvpe(start.arguments[0], start.arguments.data(), start.environment.data());
  _exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const ProcessOptions& options) {
  if (command.empty()) throw std::runtime_error("no program is named");
  const Start start(command, options);
  output_ = output_file();
  errors_ = output_file();
  if (options.terminal) {
    const winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
  } else {
    pid_ = fork();
  }
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    if (!options.terminal) {
      dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
      dup2(output_, STDOUT_FILENO);
      dup2(errors_, STDERR_FILENO);
    }
    become(start, options);
  }
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) throw std::runtime_error("cannot watch a process");
  if (options.terminal) reader_ = std::thread([this] { read_terminal(); });
}

Process::~Process() {
  kill();
  wait();
  for (const int file : {pidfd_, output_, errors_, terminal_})
    if (file >= 0) close(file);
}

// Ends with EIO when the last writer has closed the terminal.
void Process::read_terminal() {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = read(terminal_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || write(output_, buffer.data(), static_cast<std::size_t>(count)) != count) return;
  }
}

void Process::kill(int signal) {
  if (!status_) ::kill(pid_, signal);
}

int Process::wait() {
  if (!status_) {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (reader_.joinable()) reader_.join();
  }
  return *status_;
}

bool Process::running() {
  pollfd end{.fd = pidfd_, .events = POLLIN, .revents = 0};
  return !status_ && poll(&end, 1, 0) == 0;
}

bool Process::wait_until(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    pollfd end{.fd = pidfd_, .events = POLLIN, .revents = 0};
    if (status_ || poll(&end, 1, 5) > 0) return condition();
  }
  return true;
}

// The field ppid of proc(5) stands 1 behind the name in parentheses and the state.
std::vector<pid_t> Process::children() const {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");  // it may be gone by now
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const std::size_t after_name = stat.rfind(')');
    if (after_name == std::string::npos) continue;
    std::istringstream fields(stat.substr(after_name + 1));
    char state = 0;
    pid_t parent = 0;
    fields >> state >> parent;
    if (parent == pid_ && state != 'Z') found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

// The fields utime and stime of proc(5), in clock ticks, stand 11 and 12 behind the name in parentheses.
double Process::cpu_milliseconds() const {
  if (status_) return 0;
  const std::string stat = read_text("/proc/" + std::to_string(pid_) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) * 1000 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string Process::output() const {
  return content(output_);
}

std::string Process::errors() const {
  return content(errors_);
}

}  // namespace pedigree::testing
