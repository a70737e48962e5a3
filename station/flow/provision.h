// SPDX-License-Identifier: Apache-2.0
// The provisioning flow (docs/architecture.md): from a device that answers to an active slot with a chain and
// a receipt at the authority. Every step may be repeated, so a station that was killed starts again anywhere.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/crypto/crypto.h"
#include "station/flow/device.h"
#include "station/flow/journal.h"
#include "station/link/authority_client.h"

namespace pedigree::station {

enum class Step : std::uint8_t { connect, info, nonce, key, csr, enrol, chain, commit, receipt, reset };
inline constexpr std::size_t kSteps = 10;
[[nodiscard]] std::string_view name(Step step) noexcept;

struct StepTiming {
  Step step{};
  Duration time{};
};

/// How a unit ended.
enum class UnitState : std::uint8_t {
  provisioned,  ///< chain stored, receipt taken, in this run
  already,      ///< it was so before this run
  refused,      ///< by the authority; the pending key was dropped unless `kept_key`
  failed,       ///< see `failure`; start again to go on from there
};
[[nodiscard]] std::string_view name(UnitState state) noexcept;

struct UnitResult {
  std::string peer;
  std::string device;  ///< hex; empty if it never answered
  std::string profile;
  UnitState state = UnitState::failed;
  std::optional<Failure> failure;
  Step reached = Step::connect;  ///< the step that failed, or the last one
  std::uint32_t slot = 0;
  bool key_reused = false;          ///< the pending key was there already
  bool certificate_reused = false;  ///< the authority had issued it before
  bool kept_key = false;            ///< after a failure: the device keeps a pending key
  std::string serial;
  std::vector<std::vector<std::uint8_t>> chain;  ///< DER, leaf first
  std::string receipt_state;                     ///< as the authority answered: "active"
  std::uint64_t revocation_list = 0;             ///< number of the device's list of revoked signers; 0: none
  std::string pinned_root;                       ///< hex, empty if none was pinned before
  std::string world;
  std::vector<std::string> warnings;
  std::vector<StepTiming> steps;
  Duration time{};
  ExchangeCounters counters;
};

/// Progress of one unit, for a live view.
struct Event {
  enum class Kind : std::uint8_t { started, finished, warning, ended };
  std::size_t unit = 0;  ///< index in the list given
  Kind kind{};
  Step step{};
  std::string text;                    ///< of a warning
  const UnitResult* result = nullptr;  ///< what is known so far; valid during the call
};

struct ProvisionOptions {
  std::string profile = "iak";  ///< iak, idevid, tls-client or data
  std::string issuer;           ///< empty: the authority's choice
  crypto::KeyType key_type = crypto::KeyType::p256;
  /// Where a new key comes from. Empty: for an attestation key the one that the device was made with, if it
  /// has one, because the platform attests with no other; a generated key for anything else.
  std::optional<enrol::Origin> origin;
  /// Why secured devices are to get keys: their grants' reason. Empty: no grants are asked for.
  std::string grant_why = {};
  /// Whether an active key gets a successor where its certificate was superseded. Without: it stays.
  bool replace = false;
  std::string out;     ///< folder for <device>-<profile>.chain.pem; empty: none
  bool reset = false;  ///< restart the device at the end
  unsigned jobs = 64;  ///< units at a time
  /// Called from the threads that provision, one call at a time.
  std::function<void(const Event&)> progress;
  /// For tests: called with a name before and after everything that leaves a trace somewhere.
  std::function<void(std::string_view)> fault_point;
};

/// The purpose that a profile's key has. Failures: unknown_profile.
[[nodiscard]] Outcome<enrol::Purpose> purpose_of(const std::string& profile);

/// A unit to provision: how to reach it.
struct Unit {
  std::string peer;
  std::function<Outcome<std::unique_ptr<Link>>()> open;
};

/// What all units of a run share; all outlive the run.
struct Line {
  AuthorityClient& authority;
  Journal& journal;
  const crypto::Crypto& crypto;
};

/// One unit on a link that is open.
[[nodiscard]] UnitResult provision_unit(Link& link, const Line& line, const ProvisionOptions& options,
                                        std::size_t index = 0);
/// All units, options.jobs at a time; results in the order of `units`.
[[nodiscard]] std::vector<UnitResult> provision_all(const std::vector<Unit>& units, const Line& line,
                                                    const ProvisionOptions& options);
/// Sends the receipts that the journal holds and no authority has taken, without any device. Returns how many
/// were taken; those that fail stay in the journal for the unit's next run.
std::size_t deliver_receipts(const Line& line);

}  // namespace pedigree::station
