// SPDX-License-Identifier: Apache-2.0
#include "server/observe/authority_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace pedigree::observe {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Number `index` of the numbers in /proc/self/statm: pages.
double memory_pages(int index) {
  std::ifstream file("/proc/self/statm");
  double value = 0;
  for (int i = 0; i <= index; ++i) file >> value;
  return value;
}

double open_files() {
  std::error_code error;
  double count = 0;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    ++count;
  }
  return count;
}

const double kStarted =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

}  // namespace

std::int64_t Stopwatch::now() noexcept {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

double Stopwatch::seconds() const noexcept {
  return static_cast<double>(now() - began_) / 1e9;
}

AuthorityMetrics::AuthorityMetrics() {
  for (const std::string_view limit : {"listener", "address"}) (void)connections_refused.at({limit});
}

void AuthorityMetrics::write(Exposition& out) const {
  out.family<Counter, 3>("pedigree_requests_total", "Requests that were answered.",
                         {"protocol", "path", "status"}, requests);
  out.family<Histogram, 1>("pedigree_request_seconds", "From a request's last octet to its answer.",
                           {"protocol"}, request_seconds);
  out.family<Counter, 3>("pedigree_issuance_total", "Requests for certificates by what became of them.",
                         {"profile", "issuer", "outcome"}, issuance);
  out.family<Counter, 3>("pedigree_cmp_answers_total", "Answers of CMP by what they say.",
                         {"body", "status", "failure"}, cmp_answers);
  out.histogram("pedigree_certify_seconds", "Checks of a request, and writing and signing the certificate.",
                certify_seconds);
  out.histogram("pedigree_signing_seconds", "One signature by a key of the authority.", signing_seconds);
  out.counter("pedigree_signing_failures_total", "Signatures that a key did not make.", signing_failures);
  out.histogram("pedigree_store_write_seconds", "From submitting a change to its being durable or refused.",
                store.write_seconds);
  out.histogram("pedigree_store_commit_seconds", "One transaction of the writer.", store.commit_seconds);
  out.histogram("pedigree_store_group_size", "Changes in one transaction.", store.group_size);
  out.gauge("pedigree_store_queue_depth", "Changes that wait for the writer.",
            static_cast<double>(store.waiting.value()));
  out.counter("pedigree_store_failures_total", "Transactions that were rolled back.", store.failures);
  out.gauge("pedigree_connections", "Open connections of clients.", static_cast<double>(connections.value()));
  out.counter("pedigree_connections_accepted_total", "Connections that were accepted.", connections_accepted);
  out.family<Counter, 1>("pedigree_connections_refused_total", "Connections above a limit, closed at once.",
                         {"limit"}, connections_refused);
  out.counter("pedigree_tls_handshakes_failed_total", "TLS handshakes that failed or took too long.",
              handshakes_failed);
  out.counter("pedigree_requests_malformed_total", "Requests that the HTTP parser refused.",
              requests_malformed);
  out.counter("pedigree_client_timeouts_total", "Connections that were cut amid a request or an answer.",
              timeouts);
  out.counter("pedigree_log_lines_lost_total", "Lines of the log that could not be written.", log_lines_lost);
  out.family<Counter, 1>("pedigree_reloads_total", "Configurations that were read while serving.",
                         {"outcome"}, reloads);
}

void write_process(Exposition& out) {
  rusage usage{};
  (void)getrusage(RUSAGE_SELF, &usage);
  rlimit files{};
  (void)getrlimit(RLIMIT_NOFILE, &files);
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.begin("process_cpu_seconds_total", "counter", "Processor time of the process.");
  out.sample(seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  out.gauge("process_start_time_seconds", "When the process began, Unix time.", kStarted);
  out.gauge("process_virtual_memory_bytes", "Virtual memory.", memory_pages(0) * page);
  out.gauge("process_resident_memory_bytes", "Resident memory.", memory_pages(1) * page);
  out.gauge("process_open_fds", "Open file descriptors.", open_files());
  out.gauge("process_max_fds", "How many may be open.", static_cast<double>(files.rlim_cur));
}

}  // namespace pedigree::observe
