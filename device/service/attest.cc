// SPDX-License-Identifier: Apache-2.0
// Attestation tokens. The platform's attestation service makes them; here a chain is added, and the tokens
// are asked for by which the service states something of its own: evidence, token request, receipt.
#include "core/cose/cose.h"
#include "core/evidence/evidence.h"
#include "device/service/service.h"
#include "psa/crypto.h"
#include "psa/initial_attestation.h"

namespace pedigree::device {
namespace {

Status status_of(psa_status_t status) noexcept {
  switch (status) {
    case PSA_SUCCESS:
      return {};
    case PSA_ERROR_BUFFER_TOO_SMALL:
      return ErrorCode::buffer_too_small;
    case PSA_ERROR_INVALID_ARGUMENT:
      return ErrorCode::bad_value;
    default:
      return ErrorCode::attestation_failure;
  }
}

/// Moves the first `size` octets to the end.
MutableBytes move_to_end(MutableBytes space, std::size_t size) noexcept {
  std::copy_backward(space.begin(), space.begin() + static_cast<std::ptrdiff_t>(size), space.end());
  return space.last(size);
}

bool same_token(const pedigree_attest_request_t& a, const pedigree_attest_request_t& b) noexcept {
  return a.slot == b.slot && a.chain == b.chain && a.challenge_size == b.challenge_size &&
         std::equal(a.challenge, a.challenge + a.challenge_size, b.challenge);
}

}  // namespace

Status Service::get_token(Bytes challenge, MutableBytes out, std::size_t& size) noexcept {
  size = 0;
  const Status status = status_of(
      psa_initial_attest_get_token(challenge.data(), challenge.size(), out.data(), out.size(), &size));
  if (!status.ok()) return status;
  return size > 0 && size <= out.size() ? ErrorCode{} : ErrorCode::attestation_failure;
}

Status Service::get_statement(evidence::Statement statement, std::span<const Bytes> parts, MutableBytes out,
                              std::size_t& size) const noexcept {
  const auto challenge = evidence::statement_challenge(statement, parts, crypto_);
  PEDIGREE_CHECK(challenge);
  return get_token(*challenge, out, size);
}

/// The slot where the built-in attestation key is active.
Status Service::find_attestation_slot(std::uint32_t& slot, StoredChain& chain) const noexcept {
  for (slot = 1; slot <= platform_.slots; ++slot) {
    SlotRecord record;
    if (!load_any(slot, record).ok() || !record.active) continue;
    if (record.active->origin != enrol::Origin::builtin) continue;
    chain = {record.active->bank, record.active->certificates, record.active->chain_size};
    return {};
  }
  return ErrorCode::no_attestation_chain;
}

/// Adds a stored chain to the token in the first `size` octets of `space`, which become those of the result.
Status Service::add_chain(std::uint32_t slot, const StoredChain& chain, MutableBytes space,
                          std::size_t& size) const noexcept {
  // An x5chain with one certificate is that alone, without the array's head (RFC 9360 2).
  const std::size_t skipped = chain.certificates == 1 ? 1 : 0;
  const std::size_t chain_size = chain.size - skipped;
  constexpr std::size_t kHeader = 64;  // of the token, before its payload
  if (chain_size + size + kHeader > space.size()) return ErrorCode::buffer_too_small;
  const MutableBytes token = move_to_end(space, size);
  const MutableBytes x5chain = space.first(space.size() - size).last(chain_size);
  PEDIGREE_CHECK(store_.read_chain(slot, chain.bank, skipped, x5chain));
  if (skipped == 0) x5chain[0] = static_cast<std::uint8_t>(0x80U | chain.certificates);
  Writer out(space);
  // What the platform's service returned is no token, or has a chain already.
  if (!cose::add_x5chain(token, x5chain, out)) return ErrorCode::attestation_failure;
  size = out.size();
  return {};
}

/// Makes the token resident. The request stands behind it, at the end of the workspace, to know it by.
Status Service::compose_token(const pedigree_attest_request_t& request) noexcept {
  const MutableBytes kept = workspace_.last(sizeof request);
  if (resident_.kind == Resident::Kind::token) {
    pedigree_attest_request_t before;
    std::copy(kept.begin(), kept.end(), reinterpret_cast<std::uint8_t*>(&before));
    if (same_token(before, request)) return {};
  }
  clear_workspace();
  std::uint32_t slot = 0;
  StoredChain chain;
  const Status found = find_attestation_slot(slot, chain);
  if (request.slot != 0 && (!found.ok() || request.slot != slot)) return ErrorCode::purpose_forbids;
  if (request.chain == 1) PEDIGREE_CHECK(found);
  const MutableBytes space = workspace_.first(workspace_.size() - kept.size());
  std::size_t size = 0;
  PEDIGREE_CHECK(get_token(Bytes(request.challenge).first(request.challenge_size), space, size));
  if (request.chain == 1) PEDIGREE_CHECK(add_chain(slot, chain, space, size));
  const auto* const octets = reinterpret_cast<const std::uint8_t*>(&request);
  std::copy(octets, octets + sizeof request, kept.begin());
  resident_.kind = Resident::Kind::token;
  resident_.slot = found.ok() ? slot : 0;  // a new chain there makes another token
  resident_.size = size;
  return {};
}

// Not inline, as csr: each call would have its request on the stack.
[[gnu::noinline]] Status Service::attest(Message& message) noexcept {
  pedigree_attest_request_t request;
  PEDIGREE_CHECK(read_input(message, 0, request));
  const std::uint32_t size = request.challenge_size;
  if (request.chain > 1 ||
      (size != PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32 && size != PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48 &&
       size != PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64)) {
    return ErrorCode::bad_value;
  }
  if (evidence::is_reserved_challenge(Bytes(request.challenge).first(size))) {
    return ErrorCode::reserved_challenge;
  }
  PEDIGREE_CHECK(check_room(message, 0, sizeof(std::uint32_t)));
  PEDIGREE_CHECK(compose_token(request));
  return write_resident(message, request.offset);
}

/// {1: SubjectPublicKeyInfo, 2: token} to the start of the workspace.
Status Service::write_token_request(Bytes nonce, Bytes spki, std::size_t& size) noexcept {
  const Bytes parts[] = {nonce, spki};
  std::size_t token_size = 0;
  PEDIGREE_CHECK(get_statement(evidence::Statement::token_request, parts, workspace_, token_size));
  constexpr std::size_t kHeads = 10;
  if (spki.size() + token_size + kHeads > workspace_.size()) return ErrorCode::buffer_too_small;
  const Bytes token = move_to_end(workspace_, token_size);
  Writer out(workspace_);
  evidence::write_token_request({spki, token}, out);
  size = out.size();
  return {};
}

/// The evidence attribute's value, at the end of the workspace. It carries the attestation key's chain where
/// there is one that leaves room for the request.
Status Service::write_evidence(Bytes nonce, Bytes spki, Bytes& value) noexcept {
  const Bytes parts[] = {nonce, spki};
  std::size_t size = 0;
  PEDIGREE_CHECK(get_statement(evidence::Statement::evidence, parts, workspace_, size));
  std::uint32_t slot = 0;
  StoredChain chain;
  // The request holds the value once more.
  constexpr std::size_t kRequest = 600;
  const bool has_chain = find_attestation_slot(slot, chain).ok();
  if (has_chain && 2 * (size + chain.size + evidence::kAttributeOverhead) + kRequest <= workspace_.size()) {
    PEDIGREE_CHECK(add_chain(slot, chain, workspace_, size));
  }
  if (size + evidence::kAttributeOverhead > workspace_.size()) return ErrorCode::buffer_too_small;
  const MutableBytes token = move_to_end(workspace_, size);
  Writer out(workspace_.last(size + evidence::kAttributeOverhead));
  der::Builder builder(out);
  evidence::write_attribute_value(token, builder);
  value = out.written();
  return {};
}

/// A token over the receipt, in the workspace.
Status Service::write_token_receipt(Bytes receipt, Bytes& token) noexcept {
  std::size_t size = 0;
  PEDIGREE_CHECK(get_statement(evidence::Statement::receipt, {&receipt, 1}, workspace_, size));
  token = workspace_.first(size);
  return {};
}

}  // namespace pedigree::device
