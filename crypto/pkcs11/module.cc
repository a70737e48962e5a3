// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11/module.h"

#include <p11-kit/p11-kit.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>

namespace pedigree::pkcs11 {

Result<std::shared_ptr<Module>> Module::load(const std::string& path) {
  // One for each library: p11-kit counts who started it, and only the last one's end is an end.
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Module>> loaded;
  const std::lock_guard lock(mutex);
  if (auto known = loaded[path].lock()) return known;
  // Libraries write to connections, of which the other end may have died: that is an error, not our end.
  struct sigaction pipe{};
  if (sigaction(SIGPIPE, nullptr, &pipe) == 0 && pipe.sa_handler == SIG_DFL)
    (void)std::signal(SIGPIPE, SIG_IGN);
  std::shared_ptr<Module> module(new Module());
  if (path.empty()) {
    CK_FUNCTION_LIST** const list = p11_kit_modules_load(nullptr, 0);
    if (list == nullptr) return fail(ErrorCode::io_failure);
    for (CK_FUNCTION_LIST** one = list; *one != nullptr; ++one) module->libraries_.push_back(*one);
    std::free(list);  // NOLINT: p11-kit's documentation says so; the modules stay
  } else {
    // p11-kit would look for a relative name in a folder of its own.
    if (path.front() != '/' || access(path.c_str(), R_OK) != 0) return fail(ErrorCode::io_failure);
    CK_FUNCTION_LIST* const one = p11_kit_module_load(path.c_str(), P11_KIT_MODULE_CRITICAL);
    if (one == nullptr) return fail(ErrorCode::io_failure);
    module->libraries_.push_back(one);
  }
  module->start();
  loaded[path] = module;
  return module;
}

Module::~Module() {
  end();
  for (CK_FUNCTION_LIST* const one : libraries_) p11_kit_module_release(one);
}

bool Module::start() {
  bool any = false;
  for (CK_FUNCTION_LIST* const one : libraries_) any = p11_kit_module_initialize(one) == CKR_OK || any;
  started_ = any;
  return any;
}

void Module::end() noexcept {
  if (!started_) return;
  for (CK_FUNCTION_LIST* const one : libraries_) (void)p11_kit_module_finalize(one);
  started_ = false;
}

Result<Module::Use> Module::use(std::chrono::milliseconds patience) {
  Use use;
  use.lock_ = std::shared_lock(mutex_, patience);
  if (!use.lock_.owns_lock()) return fail(ErrorCode::timeout);
  use.libraries_ = &libraries_;
  use.generation_ = generation_;
  use.started_ = started_;
  return use;
}

Result<void> Module::restart(std::uint64_t seen, std::chrono::milliseconds patience) {
  const std::unique_lock lock(mutex_, patience);
  if (!lock.owns_lock()) return fail(ErrorCode::timeout);
  if (generation_ != seen) return {};
  ++generation_;
  end();
  if (!start()) return fail(ErrorCode::io_failure);
  return {};
}

}  // namespace pedigree::pkcs11
