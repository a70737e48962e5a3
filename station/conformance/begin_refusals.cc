// SPDX-License-Identifier: Apache-2.0
// Requests for keys that must be refused, each for its reason.
#include <fmt/format.h>

#include "station/conformance/bench.h"

namespace pedigree::station::conformance {
namespace {

using crypto::KeyType;
using enrol::BeginRequest;
using enrol::Command;
using enrol::Origin;
using enrol::Purpose;

bool has(std::uint32_t bits, Origin origin) {
  return (bits >> static_cast<unsigned>(origin) & 1U) != 0;
}

Checked check_enumerators(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  const std::uint32_t slot = bench.free_slots().front();
  bench.adopt(slot);
  for (const unsigned value : {0U, 5U, 77U, 255U, 300U}) {
    for (const char* field : {"use", "alg", "orig"}) {
      // {"slot", "use": 4, "alg": 1, "orig": 1} with one of them another number.
      std::vector<std::uint8_t> payload(64);
      Writer out(payload);
      cbor::Encoder map(out);
      map.map(4);
      map.tstr("slot");
      map.uint(slot);
      for (const auto& [key, good] : {std::pair{"use", 4U}, std::pair{"alg", 1U}, std::pair{"orig", 1U}}) {
        map.tstr(key);
        map.uint(std::string_view(key) == field ? value : good);
      }
      payload.resize(out.size());
      // 5 is a key type.
      if (std::string_view(field) == "alg" && value == 5) continue;
      STATION_TRY(expect_error(bench.call(smp::Operation::write, Command::begin, payload, true),
                               fmt::format("\"{}\" {}", field, value), {ErrorCode::bad_value}));
    }
  }
  return {};
}

Checked check_missing(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  return expect_error(bench.write(Command::begin, enrol::SlotRequest{bench.free_slots().front()}, true),
                      "a request without purpose and algorithm", {ErrorCode::missing_field});
}

Checked check_label(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  BeginRequest request = generate(bench.free_slots().front(), Purpose::data);
  request.label = "label";
  STATION_TRY(expect_error(bench.begin(request), "a label for a generated key", {ErrorCode::bad_value}));
  if (!has(bench.info.origins, Origin::derive)) return {};
  request.origin = Origin::derive;
  request.label = {};
  STATION_TRY(expect_error(bench.begin(request), "a derived key without a label", {ErrorCode::bad_value}));
  const std::string label(enrol::kMaxLabel + 1, 'x');
  request.label = label;
  return expect_error(bench.begin(request), "a label of 33 octets",
                      {ErrorCode::bad_value, ErrorCode::too_long});
}

Checked check_import(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  BeginRequest request = generate(bench.free_slots().front(), Purpose::data);
  const Octets some = bench.nonce(32);
  request.import_key = some;
  STATION_TRY(
      expect_error(bench.begin(request), "a private key for a generated key", {ErrorCode::bad_value}));
  if (!has(bench.info.origins, Origin::import)) return {};
  request.origin = Origin::import;
  request.import_key = {};
  STATION_TRY(expect_error(bench.begin(request), "an import without a key", {ErrorCode::bad_value}));
  const Octets zero(32, 0);
  const Octets large(32, 0xff);
  const Octets small(31, 0x01);
  const Octets long_one(49, 0x01);
  for (const auto& [scalar, what] : {std::pair<Bytes, const char*>{zero, "the private number zero"},
                                     {large, "a private number above the curve's order"},
                                     {small, "a private number of 31 octets"},
                                     {long_one, "a private number of 49 octets"}}) {
    request.import_key = scalar;
    STATION_TRY(expect_error(bench.begin(request), what, {ErrorCode::invalid_key, ErrorCode::bad_value}));
  }
  return {};
}

Checked check_builtin(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  if (!has(bench.info.origins, Origin::builtin)) return not_run("the device has no built-in key");
  for (const Purpose purpose : {Purpose::idevid, Purpose::tls, Purpose::data}) {
    BeginRequest request = generate(bench.free_slots().front(), purpose);
    request.origin = Origin::builtin;
    STATION_TRY(expect_error(bench.begin(request), "the attestation key for another purpose",
                             {ErrorCode::purpose_forbids}));
  }
  return {};
}

Checked check_slot_number(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  for (const std::uint32_t slot : {bench.info.slots_total + 1, 255U, 0xffffffffU}) {
    STATION_TRY(expect_error(bench.begin(generate(slot, Purpose::data)), fmt::format("slot {}", slot),
                             {ErrorCode::slot_not_found}));
    STATION_TRY(
        expect_error(bench.abort(slot), fmt::format("abort of slot {}", slot), {ErrorCode::slot_not_found}));
    STATION_TRY(expect_error(bench.destroy(slot), fmt::format("destroy of slot {}", slot),
                             {ErrorCode::slot_not_found}));
    STATION_TRY(expect_error(bench.public_key(slot), fmt::format("public key of slot {}", slot),
                             {ErrorCode::slot_not_found}));
  }
  return {};
}

Checked check_busy(Bench& bench) {
  STATION_ASSIGN(const TestKey key, bench.begin(Purpose::data));
  STATION_TRY(expect_error(bench.begin(generate(key.slot, Purpose::tls)),
                           "another purpose for a slot with a pending key", {ErrorCode::slot_busy}));
  BeginRequest other = generate(key.slot, Purpose::data);
  if (has(bench.info.origins, Origin::derive)) {
    other.origin = Origin::derive;
    other.label = "other";
    STATION_TRY(expect_error(bench.begin(other), "another origin for a slot with a pending key",
                             {ErrorCode::slot_busy}));
  }
  STATION_ASSIGN(const Octets kept, bench.public_key(key.slot));
  return kept == key.spki ? Checked() : wrong("a refused request changed the pending key");
}

Checked check_replace_nothing(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  BeginRequest request = generate(bench.free_slots().front(), Purpose::data);
  request.replace = true;
  return expect_error(bench.begin(request), "to replace a key that is not there", {ErrorCode::wrong_state});
}

}  // namespace

void add_begin_refusal_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Checked (*run)(Bench&)) {
    checks.push_back({"begin", name, what, Effect::keys, run});
  };
  add("enumerators", "purposes, algorithms and origins that do not exist are refused", check_enumerators);
  add("missing", "a request needs its fields", check_missing);
  add("label", "a label is for derived keys, and has 1 to 32 octets", check_label);
  add("import", "a private key to import is one", check_import);
  add("builtin", "the attestation key serves no other purpose", check_builtin);
  add("slot-number", "a slot that does not exist is not found", check_slot_number);
  add("busy", "a pending key is not given up for another request", check_busy);
  add("replace-nothing", "nothing is not replaced", check_replace_nothing);
}

}  // namespace pedigree::station::conformance
