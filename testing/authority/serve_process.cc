// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/serve_process.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace pedigree::testing {

ServeProcess::ServeProcess(const AuthorityFolder& folder, ProcessOptions options,
                           std::vector<std::string> prefix, const std::vector<std::string>& arguments) {
  const char* named = std::getenv("PEDIGREE_PROGRAM");
  const std::string program =
      named != nullptr ? named : std::filesystem::canonical("/proc/self/exe").parent_path() / "pedigree";
  const auto ready = folder.scratch("serve.url");
  std::filesystem::remove(ready);
  options.environment.emplace_back("PEDIGREE_PASSPHRASE", kPassphrase);
  std::vector<std::string>& command = prefix;
  command.insert(command.end(), {program, "authority", "serve", "--dir", folder.path().string(), "--listen",
                                 "127.0.0.1:0", "--threads", "2", "--ready-file", ready.string()});
  command.insert(command.end(), arguments.begin(), arguments.end());
  process_ = std::make_unique<Process>(command, options);
  if (!process_->wait_until([&] { return std::filesystem::exists(ready); })) {
    throw std::runtime_error("serve did not begin: " + output());
  }
  const std::string url = read_text(ready);
  port_ = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

std::string ServeProcess::where(const std::string& protocol) const {
  std::istringstream lines(process_->output());
  for (std::string line; std::getline(lines, line);) {
    const std::string begin = "  " + protocol + "  ";
    if (line.starts_with(begin)) return line.substr(begin.size());
  }
  throw std::runtime_error("it does not serve " + protocol + ": " + output());
}

long ServeProcess::status(const std::string& name) const {
  std::istringstream lines(read_text("/proc/" + std::to_string(process_->id()) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  }
  throw std::runtime_error("/proc has no " + name);
}

}  // namespace pedigree::testing
