// SPDX-License-Identifier: Apache-2.0
// The audit log under /v1: signed heads, and what proves that the log only grows and that an event is in it.
#include <fmt/format.h>

#include <charconv>

#include "registry/audit_entry.h"
#include "server/http/api_call.h"
#include "server/http/audit_signer.h"

namespace pedigree::http {
namespace {

/// A number in a query such as "from=3&to=9". Empty where it is not there, or is none.
std::optional<std::uint64_t> number_in(std::string_view query, std::string_view name) {
  const std::string_view text = query_parameter(query, name);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

boost::json::array hashes(const std::vector<Sha256>& path) {
  boost::json::array out;
  for (const Sha256& hash : path) out.emplace_back(to_base64(hash));
  return out;
}

}  // namespace

void Api::audit_checkpoint(Call& call) {
  if (audit_signer_ == nullptr) {
    return call.respond(error_response(ErrorCode::not_found, "this authority does not sign its log here"));
  }
  audit_signer_->sign([respond = std::move(call.respond)](auto head) {
    if (!head) return respond(error_response(ErrorCode::database_failure, sentence(head.error())));
    respond({200, "text/plain; charset=utf-8", std::move(head->note)});
  });
}

void Api::audit_consistency(Call& call) {
  const auto from = number_in(call.query, "from");
  const auto to = number_in(call.query, "to");
  if (!from || !to || *from == 0 || *from > *to) {
    return call.respond(error_response(ErrorCode::bad_request,
                                       "give ?from=N&to=M, sizes of two checkpoints, 1 or more, in order"));
  }
  const auto head = store_.log_head();
  if (!head) return call.respond(error_response(head.error().code, pedigree::sentence(head.error().code)));
  if (*to > head->size) {
    return call.respond(
        error_response(ErrorCode::not_found, fmt::format("the log has {} events", head->size)));
  }
  const auto proof = store_.consistency_proof(*from, *to);
  if (!proof) return call.respond(error_response(proof.error().code, pedigree::sentence(proof.error().code)));
  call.respond(json_response({{"from", *from}, {"to", *to}, {"proof", hashes(*proof)}}));
}

void Api::audit_proof(Call& call) {
  const auto serial = registry::parse_serial(call.argument);
  if (!serial) {
    return call.respond(error_response(ErrorCode::bad_serial, "a serial number is 32 hex digits"));
  }
  const auto event = store_.issuance(*serial);
  if (!event) return call.respond(error_response(event.error().code, pedigree::sentence(event.error().code)));
  const auto head = store_.log_head();
  if (!head) return call.respond(error_response(head.error().code, pedigree::sentence(head.error().code)));
  const auto size = number_in(call.query, "size").value_or(head->size);
  const auto number = static_cast<std::uint64_t>(event->number);
  if (size < number || size > head->size) {
    return call.respond(error_response(
        ErrorCode::not_found, fmt::format("it is event {} of {}; give a size between", number, head->size)));
  }
  const auto proof = store_.inclusion_proof(number - 1, size);
  if (!proof) return call.respond(error_response(proof.error().code, pedigree::sentence(proof.error().code)));
  call.respond(json_response({{"index", number - 1},
                              {"size", size},
                              {"entry", to_base64(registry::encode_entry(*event))},
                              {"proof", hashes(*proof)}}));
}

}  // namespace pedigree::http
