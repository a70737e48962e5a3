// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/test_unit.h"

#include <stdexcept>

namespace pedigree::sim {
namespace {

Outcome outcome(psa_status_t status) {
  if (status < 0) throw std::runtime_error("the framework answered " + std::to_string(status));
  if (status > 0) return fail(static_cast<ErrorCode>(status));
  return {};
}

template <typename T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(std::string(sentence(result.error().code)));
  return std::move(*result);
}

}  // namespace

pedigree_info_t Client::info() const {
  pedigree_info_t out{};
  if (const auto result = outcome(pedigree_info(service_, &out)); !result) {
    throw std::runtime_error(std::string(sentence(result.error().code)));
  }
  return out;
}

std::vector<pedigree_slot_info_t> Client::slots() const {
  std::vector<pedigree_slot_info_t> out(PEDIGREE_MAX_SLOTS);
  std::size_t count = 0;
  if (const auto result = outcome(pedigree_list_slots(service_, out.data(), &count)); !result) {
    throw std::runtime_error(std::string(sentence(result.error().code)));
  }
  out.resize(count);
  return out;
}

pedigree_slot_info_t Client::slot(std::uint32_t number) const {
  for (const auto& line : slots())
    if (line.slot == number) return line;
  return {};
}

Result<Begun> Client::begin(const BeginWish& wish) const {
  pedigree_begin_request_t request{};
  request.slot = wish.slot;
  request.purpose = static_cast<std::uint8_t>(wish.purpose);
  request.type = static_cast<std::uint8_t>(wish.type);
  request.origin = static_cast<std::uint8_t>(wish.origin);
  request.replace = wish.replace ? 1 : 0;
  request.label_size = static_cast<std::uint8_t>(wish.label.size());
  std::ranges::copy(wish.label, request.label);
  pedigree_begin_response_t response{};
  Octets spki(PEDIGREE_MAX_SPKI);
  std::size_t size = 0;
  PEDIGREE_TRY(outcome(pedigree_begin(service_, &request, wish.import_key.data(), wish.import_key.size(),
                                      &response, spki.data(), &size)));
  spki.resize(size);
  return Begun{response.slot, response.reused != 0, spki};
}

Result<Octets> Client::csr(std::uint32_t slot, std::uint8_t nonce, std::size_t part, std::uint32_t subject,
                           std::uint32_t evidence) const {
  Octets whole;
  std::uint32_t total = 0;
  do {
    pedigree_csr_request_t request{};
    request.slot = slot;
    request.offset = static_cast<std::uint32_t>(whole.size());
    request.subject = subject;
    request.evidence = evidence;
    std::ranges::fill(request.nonce, nonce);
    Octets buffer(part);
    std::size_t size = 0;
    PEDIGREE_TRY(outcome(pedigree_csr(service_, &request, buffer.data(), buffer.size(), &size, &total)));
    whole.insert(whole.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  } while (whole.size() < total);
  return whole;
}

Result<Octets> Client::attest(Bytes challenge, bool chain, std::uint32_t slot, std::size_t part) const {
  Octets whole;
  std::uint32_t total = 0;
  do {
    pedigree_attest_request_t request{};
    request.slot = slot;
    request.offset = static_cast<std::uint32_t>(whole.size());
    request.chain = chain ? 1 : 0;
    request.challenge_size = static_cast<std::uint32_t>(challenge.size());
    std::ranges::copy(challenge, request.challenge);
    Octets buffer(part);
    std::size_t size = 0;
    PEDIGREE_TRY(outcome(pedigree_attest(service_, &request, buffer.data(), buffer.size(), &size, &total)));
    whole.insert(whole.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  } while (whole.size() < total);
  return whole;
}

Result<std::uint32_t> Client::write_part(std::uint32_t slot, Bytes chain, std::size_t offset,
                                         std::size_t size, bool announce) const {
  pedigree_chain_write_request_t request{};
  request.slot = slot;
  request.offset = static_cast<std::uint32_t>(offset);
  request.total = static_cast<std::uint32_t>(chain.size());
  if (announce) {
    request.has_sha = 1;
    std::ranges::copy(need(crypto::OpenSslCrypto().sha256(chain)), request.sha256);
  }
  const Bytes part = chain.subspan(offset, std::min(size, chain.size() - offset));
  std::uint32_t next = 0;
  PEDIGREE_TRY(outcome(pedigree_chain_write(service_, &request, part.data(), part.size(), &next)));
  return next;
}

Outcome Client::write_chain(std::uint32_t slot, Bytes chain, std::size_t part) const {
  std::size_t offset = 0;
  for (std::size_t calls = 0; offset < chain.size(); ++calls) {
    if (calls > chain.size()) throw std::runtime_error("the transfer does not advance");
    PEDIGREE_ASSIGN(offset, write_part(slot, chain, offset, part));
  }
  return {};
}

Result<Octets> Client::read_chain(std::uint32_t slot, std::size_t part) const {
  Octets whole;
  std::uint32_t total = 0;
  do {
    const pedigree_range_request_t request{slot, static_cast<std::uint32_t>(whole.size())};
    Octets buffer(part);
    std::size_t size = 0;
    PEDIGREE_TRY(
        outcome(pedigree_chain_read(service_, &request, buffer.data(), buffer.size(), &size, &total)));
    whole.insert(whole.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  } while (whole.size() < total);
  return whole;
}

Result<pedigree_chain_digest_t> Client::chain_digest(std::uint32_t slot) const {
  pedigree_chain_digest_t out{};
  PEDIGREE_TRY(outcome(pedigree_chain_digest(service_, slot, &out)));
  return out;
}

Result<Octets> Client::commit(std::uint32_t slot, std::uint8_t nonce, std::size_t capacity) const {
  pedigree_commit_request_t request{};
  request.slot = slot;
  std::ranges::fill(request.nonce, nonce);
  Octets receipt(capacity);
  std::size_t size = 0;
  PEDIGREE_TRY(outcome(pedigree_commit(service_, &request, receipt.data(), receipt.size(), &size)));
  receipt.resize(size);
  return receipt;
}

Outcome Client::abort(std::uint32_t slot) const {
  return outcome(pedigree_abort(service_, slot));
}

Outcome Client::destroy(std::uint32_t slot) const {
  return outcome(pedigree_destroy(service_, slot));
}

Result<Client::Challenge> Client::challenge() const {
  pedigree_challenge_t out{};
  PEDIGREE_TRY(outcome(pedigree_challenge(service_, &out)));
  return Challenge{Octets(std::begin(out.nonce), std::end(out.nonce)), out.max_grant};
}

Result<std::uint32_t> Client::grant_part(Bytes grant, std::size_t offset, std::size_t size,
                                         std::uint32_t total) const {
  const pedigree_grant_write_request_t request{static_cast<std::uint32_t>(offset), total};
  const Bytes part = grant.subspan(offset, std::min(size, grant.size() - offset));
  std::uint32_t next = 0;
  PEDIGREE_TRY(outcome(pedigree_grant_write(service_, &request, part.data(), part.size(), &next)));
  return next;
}

Outcome Client::grant(Bytes grant, std::size_t part) const {
  const auto total = static_cast<std::uint32_t>(grant.size());
  for (std::size_t offset = 0; offset < grant.size();) {
    PEDIGREE_ASSIGN(const std::uint32_t next, grant_part(grant, offset, part, total));
    if (next <= offset) throw std::runtime_error("the transfer does not advance");
    offset = next;
  }
  return {};
}

Result<Octets> Client::sign_hash(std::uint32_t slot, Bytes digest) const {
  Octets signature(PEDIGREE_MAX_SIGNATURE);
  std::size_t size = 0;
  PEDIGREE_TRY(
      outcome(pedigree_sign_hash(service_, slot, digest.data(), digest.size(), signature.data(), &size)));
  signature.resize(size);
  return signature;
}

Result<Octets> Client::public_key(std::uint32_t slot) const {
  Octets spki(PEDIGREE_MAX_SPKI);
  std::size_t size = 0;
  PEDIGREE_TRY(outcome(pedigree_public_key(service_, slot, spki.data(), &size)));
  spki.resize(size);
  return spki;
}

std::uint32_t Client::provision(const TestAuthority& authority, const BeginWish& wish) const {
  const Begun begun = need(begin(wish));
  const Octets chain = authority.chain_for(begun.spki, {.with_root = true});
  if (const auto written = write_chain(begun.slot, chain); !written) {
    throw std::runtime_error(std::string(sentence(written.error().code)));
  }
  need(commit(begun.slot));
  return begun.slot;
}

std::unique_ptr<Device> open_in_memory(enrol::Lifecycle lifecycle) {
  DeviceOptions options;
  options.lifecycle = lifecycle;
  return open_in_memory(options);
}

std::unique_ptr<Device> open_in_memory(const DeviceOptions& options) {
  auto device = Device::open(std::make_unique<Storage>(), options);
  if (!device) throw std::runtime_error(device.error());
  return std::move(*device);
}

std::unique_ptr<Device> open_copy(const std::map<std::uint64_t, std::vector<std::uint8_t>>& assets) {
  auto storage = std::make_unique<Storage>();
  storage->assets() = assets;
  auto device = Device::open(std::move(storage), {});
  if (!device) throw std::runtime_error(device.error());
  return std::move(*device);
}

}  // namespace pedigree::sim
