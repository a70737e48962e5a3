// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/serve_process.h"

#include <cstdlib>
#include <stdexcept>

namespace pedigree::testing {

ServeProcess::ServeProcess(const AuthorityFolder& folder, ProcessOptions options,
                           std::vector<std::string> prefix) {
  const char* program = std::getenv("PEDIGREE_PROGRAM");
  if (program == nullptr) throw std::runtime_error("PEDIGREE_PROGRAM names no program");
  const auto ready = folder.scratch("serve.url");
  std::filesystem::remove(ready);
  options.environment.emplace_back("PEDIGREE_PASSPHRASE", kPassphrase);
  std::vector<std::string>& command = prefix;
  command.insert(command.end(), {program, "authority", "serve", "--dir", folder.path().string(), "--listen",
                                 "127.0.0.1:0", "--threads", "2", "--ready-file", ready.string()});
  process_ = std::make_unique<Process>(command, options);
  if (!process_->wait_until([&] { return std::filesystem::exists(ready); })) {
    throw std::runtime_error("serve did not begin: " + output());
  }
  const std::string url = read_text(ready);
  port_ = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

}  // namespace pedigree::testing
