// SPDX-License-Identifier: Apache-2.0
#include "cli/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PEDIGREE_SANITIZED 1
#endif
#endif

namespace pedigree::cli {

void protect_process() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  (void)setrlimit(RLIMIT_CORE, &none);
#ifndef PEDIGREE_SANITIZED
  // LeakSanitizer attaches to its own process, which this forbids.
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
  (void)std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace pedigree::cli
