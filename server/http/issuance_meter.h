// SPDX-License-Identifier: Apache-2.0
// What became of requests for certificates, counted by profile, issuer and outcome.
#pragma once

#include "authority/engine.h"
#include "registry/store.h"
#include "server/observe/authority_metrics.h"

namespace pedigree::http {

class IssuanceMeter {
 public:
  /// Borrows both. `metrics` null: nothing is counted.
  IssuanceMeter(const authority::Engine& engine, observe::AuthorityMetrics* metrics)
      : engine_(engine), metrics_(metrics) {}

  /// Runs what checks a request and writes the certificate, and counts it where it is refused.
  template <typename Certify>
  [[nodiscard]] auto certify(std::string_view profile, std::string_view issuer, Certify run) const {
    const observe::Stopwatch watch;
    auto certified = run();
    if (metrics_ != nullptr) metrics_->certify_seconds.observe(watch.seconds());
    if (!certified) count(profile, issuer, name(certified.error().code));
    return certified;
  }
  void stored(const registry::Outcome<registry::Issued>& outcome, std::string_view profile,
              std::string_view issuer) const;

 private:
  /// Profiles and issuers that the configuration does not have are "other": clients chose those words.
  void count(std::string_view profile, std::string_view issuer, std::string_view outcome) const;

  const authority::Engine& engine_;
  observe::AuthorityMetrics* metrics_;
};

}  // namespace pedigree::http
