// SPDX-License-Identifier: Apache-2.0
// A cheap load generator: one thread, kept-alive TLS connections, requests that are ready before the clock
// runs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "testing/authority/client.h"

namespace pedigree::bench {

class HttpsLoad {
 public:
  /// Connects all, to the ports of the loopback interface by turns. Throws std::runtime_error.
  HttpsLoad(const std::vector<std::uint16_t>& ports, const testing::TlsFiles& files, std::size_t connections);
  ~HttpsLoad();
  HttpsLoad(const HttpsLoad&) = delete;
  HttpsLoad& operator=(const HttpsLoad&) = delete;

  /// Sends each request once, each connection the next one as soon as it has its answer. Returns the bodies
  /// in the order of the requests. Throws std::runtime_error on an answer that is not 200.
  std::vector<std::string> run(std::span<const std::string> requests);
  /// Sends each request when it is due, `rate` of them a second, on whichever connection is free. Returns the
  /// seconds from when each was due to its answer, so that a request which had to wait has waited.
  std::vector<double> run_at(double rate, std::span<const std::string> requests);
  /// Answers a second in the best fifth of a second of the last run, or in all of a shorter one.
  [[nodiscard]] double best_rate() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A POST of this body, whole.
[[nodiscard]] std::string post_request(const std::string& target, const std::string& body,
                                       std::string_view type = "application/json");

}  // namespace pedigree::bench
