// SPDX-License-Identifier: Apache-2.0
// What a serving authority counts. No label is a device, a person or anything else that a client chose.
#pragma once

#include "server/observe/metrics.h"

namespace pedigree::observe {

/// Measures from construction on.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const noexcept;

 private:
  std::int64_t began_ = now();
  static std::int64_t now() noexcept;  // nanoseconds of the steady clock
};

/// Of a store: moved by whoever writes.
struct StoreMetrics {
  Histogram write_seconds;        ///< from submitting a change to its answer
  Histogram commit_seconds;       ///< one transaction, from BEGIN to COMMIT
  Histogram group_size{kCounts};  ///< changes in one transaction
  Gauge waiting;                  ///< changes that wait for a transaction
  Counter failures;               ///< transactions that were rolled back
};

struct AuthorityMetrics {
  Family<Counter, 3> requests;           ///< protocol, path, status
  Family<Histogram, 1> request_seconds;  ///< protocol
  Family<Counter, 3> issuance;           ///< profile, issuer, outcome
  Family<Counter, 3> cmp_answers;        ///< body, status, failure
  Histogram certify_seconds;
  Histogram signing_seconds;
  Counter signing_failures;
  StoreMetrics store;
  Gauge connections;
  Counter connections_accepted;
  Family<Counter, 1> connections_refused;  ///< limit: "listener" or "address"
  Counter handshakes_failed;
  Counter requests_malformed;
  Counter timeouts;  ///< clients that were too slow
  Counter log_lines_lost;
  Family<Counter, 1> reloads;  ///< outcome

  /// The limits that may refuse a connection are there from the start, with 0.
  AuthorityMetrics();
  void write(Exposition& out) const;
};

/// Resident memory, open files, CPU time and start of this process, from /proc.
void write_process(Exposition& out);

}  // namespace pedigree::observe
