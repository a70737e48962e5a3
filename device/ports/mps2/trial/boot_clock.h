// SPDX-License-Identifier: Apache-2.0
// Says on the secure UART what a boot took, and how much of it was hashing and verifying signatures, in
// images built for that (PEDIGREE_BOOT_CLOCK); in the product nothing of it is left. Time is the processor's
// clock, as in measure.cc.
#pragma once

#include "device/ports/mps2/board.h"
#include "device/ports/mps2/boot/boot_crypto.h"
#include "device/ports/mps2/boot/console.h"

namespace pedigree::mps2 {

#ifdef PEDIGREE_BOOT_CLOCK

/// SysTick, which counts down from its start and wraps around after 0.8 s.
class BootClock {
 public:
  static void start() noexcept {
    reg(kSysTick + 4) = kMask;
    reg(kSysTick + 8) = 0;
    reg(kSysTick) = 5;
  }
  [[nodiscard]] static std::uint32_t now() noexcept { return reg(kSysTick + 8); }
  [[nodiscard]] static std::uint32_t since(std::uint32_t then) noexcept { return (then - now()) & kMask; }

 private:
  static constexpr std::uintptr_t kSysTick = 0xe000e010;
  static constexpr std::uint32_t kMask = 0xffffff;
};

/// BootCrypto with a clock.
class TimedCrypto final : public crypto::Crypto {
 public:
  static void start() noexcept { BootCrypto::start(); }
  /// "boot clock: whole 01234567 hash 01234567 verify 01234567", in ticks.
  static void report(std::uint32_t whole) noexcept {
    say_number("boot clock: whole ", whole);
    say_number(" hash ", hash_);
    say_number(" verify ", verify_);
    say("\n");
  }

  // As in crypto::Crypto.
  [[nodiscard]] std::string_view backend() const noexcept override { return {}; }
  [[nodiscard]] bool supports(crypto::KeyType type,
                              crypto::SignatureAlgorithm algorithm) const noexcept override {
    return inner_.supports(type, algorithm);
  }
  [[nodiscard]] Result<void> digest(crypto::Hash hash, std::span<const Bytes> parts,
                                    MutableBytes out) const noexcept override {
    return timed(hash_, [&] { return inner_.digest(hash, parts, out); });
  }
  [[nodiscard]] Result<void> digest(crypto::Hash hash, crypto::PieceSource& source,
                                    MutableBytes out) const noexcept override {
    return timed(hash_, [&] { return inner_.digest(hash, source, out); });
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept override {
    return inner_.hmac_sha256(key, parts);
  }
  [[nodiscard]] Result<void> verify(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                    Bytes message, Bytes signature) const noexcept override {
    return timed(verify_, [&] { return inner_.verify(key, algorithm, message, signature); });
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                           Bytes digest, Bytes signature) const noexcept override {
    return timed(verify_, [&] { return inner_.verify_digest(key, algorithm, digest, signature); });
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey& key) const noexcept override {
    return inner_.check_public_key(key);
  }
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override {
    return inner_.sign(key, algorithm, message, out);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          Bytes digest, MutableBytes out) const noexcept override {
    return inner_.sign_digest(key, algorithm, digest, out);
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey& key,
                                                     MutableBytes out) const noexcept override {
    return inner_.public_key(key, out);
  }
  [[nodiscard]] Result<void> random(MutableBytes out) const noexcept override { return inner_.random(out); }

 private:
  template <typename Act>
  static Result<void> timed(std::uint32_t& sum, Act act) noexcept {
    const std::uint32_t then = BootClock::now();
    const Result<void> done = act();
    sum += BootClock::since(then);
    return done;
  }
  BootCrypto inner_;
  constinit static inline std::uint32_t hash_ = 0;
  constinit static inline std::uint32_t verify_ = 0;
};

/// Runs a boot's decision, and reports.
template <typename Decide>
Result<void> timed_boot(Decide decide) noexcept {
  BootClock::start();
  const std::uint32_t then = BootClock::now();
  const Result<void> done = decide();
  TimedCrypto::report(BootClock::since(then));
  return done;
}

#else

using TimedCrypto = BootCrypto;
/// Runs a boot's decision.
template <typename Decide>
Result<void> timed_boot(Decide decide) noexcept {
  return decide();
}

#endif

}  // namespace pedigree::mps2
