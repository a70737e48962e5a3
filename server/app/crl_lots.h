// SPDX-License-Identifier: Apache-2.0
// Parts of CRLs for the certificates to come: taken from the registry in good time and in lots, so that
// issuing never waits for one.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "authority/engine.h"
#include "registry/store.h"

namespace pedigree::app {

class CrlLots final : public authority::CrlPartitions {
 public:
  /// Parts that are taken at a time: what a process that ends leaves unused is lost, which costs nothing but
  /// numbers.
  static constexpr std::uint32_t kLot = 8;

  /// Borrows the store, which must end before this.
  explicit CrlLots(registry::Store& store) : store_(store) {}

  /// Where there is none yet, takes the first lot of every issuer that names parts, because it may become
  /// active, and waits for them. Errors: database_failure.
  [[nodiscard]] Result<void> start(const authority::Engine& engine);

  [[nodiscard]] std::optional<std::uint32_t> next(const authority::Issuer& issuer) override;

 private:
  /// What is left for one issuer: parts [part, end), and in `part` so many certificates more.
  struct Lot {
    std::uint32_t part = 0, end = 0;
    std::uint32_t left = 0;
    std::optional<std::uint32_t> after;  ///< the first part of the next lot
    bool asked = false;
    bool failed = false;
  };
  void ask(const authority::Issuer& issuer);
  void taken(const std::string& url, const registry::Outcome<std::uint32_t>& outcome);

  registry::Store& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Lot, std::less<>> lots_;  ///< by the URL of the issuer's CRL
};

}  // namespace pedigree::app
