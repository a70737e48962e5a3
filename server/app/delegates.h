// SPDX-License-Identifier: Apache-2.0
// Delegates whose keys OpenSSL makes and this process alone holds.
#pragma once

#include <map>
#include <mutex>

#include "authority/engine.h"
#include "crypto/openssl/keys.h"
#include "server/protocols/delegates.h"

namespace pedigree::app {

class MemoryDelegates final : public protocols::Delegates {
 public:
  /// What the keys are for: id-kp-OCSPSigning (RFC 6960) or id-kp-cmcCA (RFC 6402, RFC 9483 1.5).
  enum class Purpose : std::uint8_t { ocsp, cmp };
  /// Borrows the engine.
  explicit MemoryDelegates(const authority::Engine& engine, Purpose purpose = Purpose::ocsp)
      : engine_(engine), purpose_(purpose) {}
  [[nodiscard]] authority::Answer<std::shared_ptr<const protocols::Delegate>> find(
      std::string_view issuer, der::UnixTime now) override;
  /// Takes over the delegates of intermediates that are the same here: while a token is away no others can be
  /// made. Before the first is asked for here; `old` may be in use.
  void take_from(MemoryDelegates& old);

 private:
  struct Held {
    explicit Held(crypto::OpenSslKey made) : key(std::move(made)) {}
    crypto::OpenSslKey key;
    protocols::Delegate delegate;
    der::UnixTime renew_at = 0, not_after = 0;
  };
  [[nodiscard]] authority::Answer<std::shared_ptr<Held>> make(std::string_view issuer, der::UnixTime now);

  const authority::Engine& engine_;
  Purpose purpose_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Held>, std::less<>> held_;
};

}  // namespace pedigree::app
