// SPDX-License-Identifier: Apache-2.0
// Clients that want certificates whatever happens to who serves them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "testing/authority/client.h"

namespace pedigree::testing {

/// Clients that enrol one unit after another, and ask again for the same until they have its certificate: the
/// next node where one has gone.
class Load {
 public:
  explicit Load(TlsFiles files);
  ~Load() { finish(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Where to ask from now on.
  void serve_at(std::vector<std::uint16_t> ports);
  /// Waits until this many more certificates have come.
  void wait_for(std::size_t more);
  /// Lets every client finish its unit. No more certificates come afterwards.
  void finish();
  /// No client needs to get what it still asks for.
  void give_up();
  /// Certificates by device id, after finish().
  [[nodiscard]] const std::map<std::string, Octets>& leaves() const { return leaves_; }
  [[nodiscard]] std::size_t reused() const { return reused_; }
  /// Answers "503" so far.
  [[nodiscard]] std::size_t put_off() const { return put_off_; }
  [[nodiscard]] const std::vector<std::string>& surprises() const { return surprises_; }

 private:
  void run(std::size_t client);
  [[nodiscard]] bool stopping(const bool& flag);
  [[nodiscard]] bool attempt(std::unique_ptr<Client>& connection, const Unit& unit, std::size_t turn);
  [[nodiscard]] std::unique_ptr<Client> connect(std::size_t turn);
  [[nodiscard]] bool refused(const Answer& answer);

  TlsFiles files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint16_t> ports_;
  bool finishing_ = false;
  bool giving_up_ = false;
  std::map<std::string, Octets> leaves_;
  std::size_t reused_ = 0;
  std::atomic<std::size_t> put_off_{0};
  std::vector<std::string> surprises_;
  std::vector<std::thread> threads_;
};

}  // namespace pedigree::testing
