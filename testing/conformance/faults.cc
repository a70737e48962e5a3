// SPDX-License-Identifier: Apache-2.0
#include "testing/conformance/faults.h"

#include <map>
#include <memory>

#include "core/enrol/image_group.h"
#include "core/enrol/messages.h"
#include "station/flow/payload.h"

namespace pedigree::testing {
namespace {

using enrol::Command;
using smp::Operation;
using station::encoded;

/// A packet of Pedigree's group with this operation and command.
bool is(const smp::Packet& packet, Operation operation, Command command) {
  return packet.header.group == smp::kPedigreeGroup && packet.header.operation == operation &&
         packet.header.command == static_cast<std::uint8_t>(command);
}

Octets packet_of(smp::Header header, Bytes payload) {
  Octets octets(smp::kHeaderSize + payload.size());
  Writer out(octets);
  smp::write_packet(header, payload, out);
  return octets;
}

Octets answer_to(const smp::Packet& request, Bytes payload) {
  smp::Header header = request.header;
  header.operation = static_cast<Operation>(static_cast<unsigned>(header.operation) + 1U);
  return packet_of(header, payload);
}

bool failed(Bytes payload) {
  const auto status = smp::read_status(payload);
  return !status || !status->ok();
}

/// A fault in the answers to well-formed requests: `change` gets request and answer, and returns the answer's
/// payload.
template <typename Change>
Fault in_answers(Change change) {
  return [change](Bytes packet, const Ask& ask) mutable -> std::optional<Octets> {
    auto answer = ask(packet);
    const auto request = smp::parse_packet(packet);
    if (!request || !answer) return answer;
    const auto parsed = smp::parse_packet(*answer);
    if (!parsed) return answer;
    return packet_of(parsed->header,
                     change(*request, Octets(parsed->payload.begin(), parsed->payload.end())));
  };
}

/// A fault in what is asked: `change` gets the request, and may answer it itself.
template <typename Change>
Fault in_requests(Change change) {
  return [change](Bytes packet, const Ask& ask) mutable -> std::optional<Octets> {
    const auto request = smp::parse_packet(packet);
    if (!request || (static_cast<unsigned>(request->header.operation) & 1U) != 0) return ask(packet);
    if (auto own = change(*request, ask)) return own;
    return ask(packet);
  };
}

Octets slot_request(std::uint32_t slot, Command command) {
  smp::Header header;
  header.operation = Operation::write;
  header.group = smp::kPedigreeGroup;
  header.command = static_cast<std::uint8_t>(command);
  header.sequence = 77;
  return packet_of(header, encoded(enrol::SlotRequest{slot}));
}

Fault corrupts_answers() {
  return in_answers([](const smp::Packet&, Octets payload) {
    if (payload.size() > 8) payload[payload.size() - 1] ^= 1U;
    return payload;
  });
}

Fault loses_sequence() {
  return [](Bytes packet, const Ask& ask) -> std::optional<Octets> {
    auto answer = ask(packet);
    // What it numbers wrong is only what has a high number: a signed octet, say.
    if (answer && answer->size() > 6 && (*answer)[6] > 127) (*answer)[6] = 0;
    return answer;
  };
}

Fault answers_in_version_2() {
  return [](Bytes packet, const Ask& ask) -> std::optional<Octets> {
    auto answer = ask(packet);
    if (answer && !answer->empty()) (*answer)[0] = static_cast<std::uint8_t>((*answer)[0] | 0x08U);
    return answer;
  };
}

Fault answers_answers() {
  return [](Bytes packet, const Ask& ask) -> std::optional<Octets> {
    Octets request(packet.begin(), packet.end());
    if (!request.empty()) request[0] = static_cast<std::uint8_t>(request[0] & 0xfeU);
    return ask(request);
  };
}

Fault accepts_unknown_groups() {
  return in_answers([](const smp::Packet& request, Octets payload) {
    const bool known = request.header.group <= 1 || request.header.group == smp::kPedigreeGroup;
    return known ? payload : Octets{0xa0};
  });
}

/// Reads the first of two keys and does not look for a second.
Fault takes_keys_twice() {
  return in_answers([](const smp::Packet& request, Octets payload) {
    const auto status = smp::read_status(payload);
    const bool twice = status && status->rc == static_cast<std::uint16_t>(ErrorCode::duplicate);
    return twice && is(request, Operation::read, Command::public_key)
               ? encoded(enrol::PublicKeyResponse{request.payload})
               : payload;
  });
}

Fault answers_another_key() {
  return in_answers([](const smp::Packet& request, Octets payload) {
    const auto answer = enrol::decode<enrol::BeginResponse>(payload);
    if (!is(request, Operation::write, Command::begin) || failed(payload) || !answer) return payload;
    Octets spki(answer->spki.begin(), answer->spki.end());
    spki[spki.size() - 1] ^= 1U;
    return encoded(enrol::BeginResponse{answer->slot, answer->reused, spki});
  });
}

/// begin on a pending key makes a new one, as a device does that forgets what it has begun.
Fault remakes_keys() {
  return in_requests([](const smp::Packet& request, const Ask& ask) -> std::optional<Octets> {
    if (!is(request, Operation::write, Command::begin)) return std::nullopt;
    const auto message = enrol::decode<enrol::BeginRequest>(request.payload);
    if (message && message->slot != 0) (void)ask(slot_request(message->slot, Command::abort));
    return std::nullopt;
  });
}

/// The request of the first nonce, for every nonce.
Fault repeats_requests() {
  const auto kept = std::make_shared<std::map<std::pair<std::uint32_t, std::uint32_t>, Octets>>();
  return in_answers([kept](const smp::Packet& request, Octets payload) {
    if (request.header.operation == Operation::write) kept->clear();
    const auto message = enrol::decode<enrol::CsrRequest>(request.payload);
    if (!is(request, Operation::read, Command::csr) || failed(payload) || !message) return payload;
    return kept->try_emplace({message->slot, message->offset}, payload).first->second;
  });
}

/// Loses one part of a chain and says that it was taken.
Fault forgets_a_part() {
  const auto parts = std::make_shared<unsigned>(0);
  return in_requests([parts](const smp::Packet& request, const Ask&) -> std::optional<Octets> {
    const auto message = enrol::decode<enrol::ChainWriteRequest>(request.payload);
    if (!is(request, Operation::write, Command::chain) || !message || message->offset == 0) {
      return std::nullopt;
    }
    if (++*parts % 3 != 0) return std::nullopt;
    const auto next = static_cast<std::uint32_t>(message->offset + message->data.size());
    return answer_to(request, encoded(enrol::ChainWriteResponse{next}));
  });
}

/// Takes a part again that it has already: answers as if it were new.
Fault takes_parts_anywhere() {
  return in_answers([](const smp::Packet& request, Octets payload) {
    const auto message = enrol::decode<enrol::ChainWriteRequest>(request.payload);
    if (!is(request, Operation::write, Command::chain) || failed(payload) || !message) return payload;
    const auto next = static_cast<std::uint32_t>(message->offset + message->data.size());
    return encoded(enrol::ChainWriteResponse{next});
  });
}

/// Commits whatever it is refused for this reason: the answer has some receipt.
Fault accepts(ErrorCode reason) {
  return in_answers([reason](const smp::Packet& request, Octets payload) {
    const auto status = smp::read_status(payload);
    const bool refused = status && status->rc == static_cast<std::uint16_t>(reason);
    return refused && is(request, Operation::write, Command::commit)
               ? encoded(enrol::CommitResponse{request.payload, {}})
               : payload;
  });
}

Fault accepts_wrong_signatures() {
  return accepts(ErrorCode::invalid_signature);
}
Fault accepts_other_keys() {
  return accepts(ErrorCode::chain_key_mismatch);
}
Fault accepts_other_roots() {
  return accepts(ErrorCode::chain_root_mismatch);
}
Fault accepts_leaf_authorities() {
  return accepts(ErrorCode::target_is_ca);
}

/// One error for everything.
Fault knows_one_error() {
  return in_answers([](const smp::Packet& request, Octets payload) {
    if (request.header.group != smp::kPedigreeGroup || !failed(payload)) return payload;
    Octets error(64);
    Writer out(error);
    smp::write_error(request.header.version, ErrorCode::bad_value, out);
    error.resize(out.size());
    return error;
  });
}

/// The first receipt of a slot, whatever the nonce is.
Fault repeats_receipts() {
  const auto kept = std::make_shared<std::map<std::uint32_t, Octets>>();
  return in_answers([kept](const smp::Packet& request, Octets payload) {
    const auto message = enrol::decode<enrol::CommitRequest>(request.payload);
    if (is(request, Operation::write, Command::destroy)) kept->clear();
    if (!is(request, Operation::write, Command::commit) || failed(payload) || !message) return payload;
    return kept->try_emplace(message->slot, payload).first->second;
  });
}

/// The last octet of every part of a chain that is read.
Fault reads_chains_wrong() {
  return in_answers([](const smp::Packet& request, Octets payload) {
    if (!is(request, Operation::read, Command::chain) || failed(payload)) return payload;
    const auto part = enrol::decode<enrol::ChunkResponse>(payload);
    if (!part || part->data.empty()) return payload;
    Octets data(part->data.begin(), part->data.end());
    data.back() ^= 1U;
    return encoded(enrol::ChunkResponse{part->offset, data, part->total});
  });
}

/// Says that it destroyed, and does not.
Fault keeps_what_is_destroyed() {
  return in_requests([](const smp::Packet& request, const Ask&) -> std::optional<Octets> {
    if (!is(request, Operation::write, Command::destroy)) return std::nullopt;
    const Octets empty{0xa0};
    return answer_to(request, empty);
  });
}

/// A reset loses what is pending.
Fault forgets_at_reset() {
  return in_requests([](const smp::Packet& request, const Ask& ask) -> std::optional<Octets> {
    const bool reset = request.header.group == smp::kOsGroup &&
                       request.header.command == static_cast<std::uint8_t>(smp::OsCommand::reset);
    for (std::uint32_t slot = 1; reset && slot <= enrol::kMaxSlots; ++slot) {
      (void)ask(slot_request(slot, Command::abort));
    }
    return std::nullopt;
  });
}

/// Gives up the active key as soon as a pending one is wanted beside it.
Fault replaces_at_once() {
  return in_requests([](const smp::Packet& request, const Ask& ask) -> std::optional<Octets> {
    const auto message = enrol::decode<enrol::BeginRequest>(request.payload);
    if (!is(request, Operation::write, Command::begin) || !message || !message->replace) return std::nullopt;
    if (message->purpose != enrol::Purpose::tls) return std::nullopt;
    (void)ask(slot_request(message->slot, Command::destroy));
    enrol::BeginRequest plain = *message;
    plain.replace = false;
    return ask(packet_of(request.header, encoded(plain)));
  });
}

/// The first token, for every challenge.
Fault repeats_tokens() {
  const auto kept = std::make_shared<std::map<std::uint32_t, Octets>>();
  return in_answers([kept](const smp::Packet& request, Octets payload) {
    const auto message = enrol::decode<enrol::AttestRequest>(request.payload);
    if (!is(request, Operation::read, Command::attest) || failed(payload) || !message) return payload;
    return kept->try_emplace(message->offset, payload).first->second;
  });
}

/// Leaves the chain out of tokens.
Fault drops_token_chains() {
  return in_requests([](const smp::Packet& request, const Ask& ask) -> std::optional<Octets> {
    const auto message = enrol::decode<enrol::AttestRequest>(request.payload);
    if (!is(request, Operation::read, Command::attest) || !message) return std::nullopt;
    enrol::AttestRequest plain = *message;
    plain.chain = false;
    return ask(packet_of(request.header, encoded(plain)));
  });
}

/// The first challenge for grants, for ever.
Fault repeats_challenges() {
  const auto kept = std::make_shared<Octets>();
  return in_answers([kept](const smp::Packet& request, Octets payload) {
    if (!is(request, Operation::read, Command::challenge) || failed(payload)) return payload;
    if (kept->empty()) *kept = payload;
    return *kept;
  });
}

/// Takes whatever comes for a grant.
Fault takes_any_grant() {
  return in_requests([](const smp::Packet& request, const Ask&) -> std::optional<Octets> {
    const auto message = enrol::decode<enrol::RevocationsWrite>(request.payload);
    if (!is(request, Operation::write, Command::challenge) || !message) return std::nullopt;
    const auto next = static_cast<std::uint32_t>(message->offset + message->data.size());
    return answer_to(request, encoded(enrol::ChainWriteResponse{next}));
  });
}

/// Says that it takes larger packets than it does.
Fault boasts() {
  return [](Bytes packet, const Ask& ask) -> std::optional<Octets> {
    if (packet.size() > 512) return std::nullopt;
    return ask(packet);
  };
}

/// Stops for good at the first packet that is larger than it takes.
Fault stops_at_large_packets() {
  const auto stopped = std::make_shared<bool>(false);
  return [stopped](Bytes packet, const Ask& ask) -> std::optional<Octets> {
    if (packet.size() > 1024) *stopped = true;
    return *stopped ? std::nullopt : ask(packet);
  };
}

}  // namespace

Fault no_fault() {
  return [](Bytes packet, const Ask& ask) { return ask(packet); };
}

std::vector<KnownFault> known_faults() {
  return {
      {"CorruptsAnswers", "smp.echo", corrupts_answers},
      {"LosesTheSequence", "smp.header", loses_sequence},
      {"AnswersInVersion2", "smp.header", answers_in_version_2},
      {"AnswersAnswers", "smp.responses", answers_answers},
      {"AcceptsUnknownGroups", "smp.unknown-group", accepts_unknown_groups},
      {"TakesKeysTwice", "smp.malformed", takes_keys_twice},
      {"Boasts", "smp.largest", boasts},
      {"StopsAtLargePackets", "smp.oversized", stops_at_large_packets},
      {"AnswersAnotherKey", "keys.data-generated", answers_another_key},
      {"RemakesKeys", "keys.data-generated", remakes_keys},
      {"RepeatsRequests", "keys.tls-generated", repeats_requests},
      {"KeepsWhatIsDestroyed", "keys.removal", keeps_what_is_destroyed},
      {"ForgetsAtReset", "keys.restart", forgets_at_reset},
      {"KnowsOneError", "begin.busy", knows_one_error},
      {"ForgetsAPart", "chain.sizes", forgets_a_part},
      {"TakesPartsAnywhere", "chain.resume", takes_parts_anywhere},
      {"AcceptsWrongSignatures", "refusal.leaf-signature", accepts_wrong_signatures},
      {"AcceptsOtherKeys", "refusal.other-key", accepts_other_keys},
      {"AcceptsLeafAuthorities", "refusal.leaf-ca", accepts_leaf_authorities},
      {"AcceptsOtherRoots", "refusal.other-root", accepts_other_roots},
      {"RepeatsReceipts", "commit.again", repeats_receipts},
      {"ReadsChainsWrong", "commit.three-levels", reads_chains_wrong},
      {"ReplacesAtOnce", "commit.replace", replaces_at_once},
      {"RepeatsTokens", "attest.challenges", repeats_tokens},
      {"DropsTokenChains", "attest.chain", drops_token_chains},
      {"RepeatsChallenges", "grant.challenge", repeats_challenges},
      {"TakesAnyGrant", "grant.refusal", takes_any_grant},
  };
}

}  // namespace pedigree::testing
