// SPDX-License-Identifier: Apache-2.0
// The appraisal: one call that answers whether a token is to be trusted, and why.
#pragma once

#include <memory>
#include <span>

#include "core/crypto/crypto.h"
#include "verifier/policy.h"
#include "verifier/status.h"

namespace pedigree::verifier {

class ReplayGuard;

/// Octets of a token or message with its chain; larger ones are refused (too_long).
inline constexpr std::size_t kMaxEvidence = 256 * 1024;
/// Chains that a verifier remembers, unless it is told otherwise; each takes about half a KiB.
inline constexpr std::size_t kCachedChains = 32768;

/// What is appraised. Borrowed during the call.
struct Evidence {
  Bytes token;                     ///< COSE_Sign1, with or without x5chain
  std::span<const Bytes> chain{};  ///< certificates beside the token, DER, leaf first; empty: those in it
  Bytes nonce{};                   ///< what the relying party asked with; empty: not known
  ReplayGuard* replay = nullptr;   ///< remembers accepted tokens; none: replays are not looked for
};

/// A COSE_Sign1 that a device's data key signed.
struct SignedData {
  Bytes message;                   ///< with its payload
  std::span<const Bytes> chain{};  ///< beside it, or empty
};

/// Any number of threads may call it; certificates that were proven are remembered by their digest until a
/// status source changes or the first of them expires, so that a returning device costs one signature
/// verification.
class Verifier {
 public:
  /// Borrows crypto and sources, which must outlive it.
  Verifier(const crypto::Crypto& crypto, Policy policy, std::vector<const StatusSource*> sources = {},
           std::size_t cached_chains = kCachedChains);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  [[nodiscard]] Appraisal appraise(const Evidence& evidence, der::UnixTime now) const;
  [[nodiscard]] Appraisal verify_data(const SignedData& data, der::UnixTime now) const;
  [[nodiscard]] const Policy& policy() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pedigree::verifier
