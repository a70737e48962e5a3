// SPDX-License-Identifier: Apache-2.0
#include "device/scenarios/stage.h"

namespace pedigree::scenarios {

pedigree_info_t Stage::info() const noexcept {
  pedigree_info_t info{};
  if (pedigree_info(port.handle(), &info) != 0) info = {};
  return info;
}

pedigree_slot_info_t Stage::slot(std::uint32_t number) const noexcept {
  std::array<pedigree_slot_info_t, PEDIGREE_MAX_SLOTS> list{};
  std::size_t count = 0;
  if (pedigree_list_slots(port.handle(), list.data(), &count) != 0) return {};
  for (const auto& line : std::span(list).first(count)) {
    if (line.slot == number) return line;
  }
  return {};
}

Key Stage::begin(std::uint32_t slot, enrol::Purpose purpose, enrol::Origin origin, std::string_view label,
                 bool replace) const noexcept {
  pedigree_begin_request_t request{};
  request.slot = slot;
  request.purpose = static_cast<std::uint8_t>(purpose);
  request.type = static_cast<std::uint8_t>(crypto::KeyType::p256);
  request.origin = static_cast<std::uint8_t>(origin);
  request.replace = replace ? 1 : 0;
  request.label_size = static_cast<std::uint8_t>(label.size());
  std::copy_n(label.begin(), std::min(label.size(), sizeof request.label), request.label);
  Key key;
  key.status =
      pedigree_begin(port.handle(), &request, nullptr, 0, &key.response, key.octets.data(), &key.size);
  return key;
}

Output<512> Stage::csr(std::uint32_t slot, std::uint8_t nonce) const noexcept {
  pedigree_csr_request_t request{};
  request.slot = slot;
  std::fill_n(request.nonce, sizeof request.nonce, nonce);
  Output<512> out;
  std::uint32_t total = 0;
  out.status = pedigree_csr(port.handle(), &request, out.octets.data(), out.octets.size(), &out.size, &total);
  if (out.status == 0 && out.size != total) out.status = status(ErrorCode::buffer_too_small);
  return out;
}

psa_status_t Stage::write_part(std::uint32_t slot, Bytes wire, std::size_t offset, std::size_t size,
                               std::uint32_t& next) const noexcept {
  pedigree_chain_write_request_t request{};
  request.slot = slot;
  request.offset = static_cast<std::uint32_t>(offset);
  request.total = static_cast<std::uint32_t>(wire.size());
  request.has_sha = 1;
  const auto digest = crypto.sha256(wire);
  if (!digest) return status(ErrorCode::crypto_failure);
  std::copy_n(digest->begin(), sizeof request.sha256, request.sha256);
  const Bytes part = wire.subspan(offset, std::min(size, wire.size() - offset));
  return pedigree_chain_write(port.handle(), &request, part.data(), part.size(), &next);
}

psa_status_t Stage::write_chain(std::uint32_t slot, Bytes wire, std::size_t part) const noexcept {
  for (std::uint32_t next = 0; next < wire.size();) {
    const std::uint32_t before = next;
    if (const psa_status_t result = write_part(slot, wire, next, part, next); result != 0) return result;
    if (next <= before) return status(ErrorCode::bad_offset);
  }
  return 0;
}

Output<1024> Stage::read_chain(std::uint32_t slot) const noexcept {
  Output<1024> out;
  std::uint32_t total = 0;
  do {
    const pedigree_range_request_t request{slot, static_cast<std::uint32_t>(out.size)};
    std::size_t size = 0;
    const std::size_t room = std::min<std::size_t>(100, out.octets.size() - out.size);
    out.status =
        pedigree_chain_read(port.handle(), &request, out.octets.data() + out.size, room, &size, &total);
    if (out.status != 0 || size == 0) return out;
    out.size += size;
  } while (out.size < total);
  return out;
}

Output<PEDIGREE_MAX_TOKEN_RECEIPT> Stage::commit(std::uint32_t slot, std::uint8_t nonce) const noexcept {
  pedigree_commit_request_t request{};
  request.slot = slot;
  std::fill_n(request.nonce, sizeof request.nonce, nonce);
  Output<PEDIGREE_MAX_TOKEN_RECEIPT> out;
  out.status = pedigree_commit(port.handle(), &request, out.octets.data(), out.octets.size(), &out.size);
  return out;
}

Output<PEDIGREE_MAX_SIGNATURE> Stage::sign_hash(std::uint32_t slot, Bytes digest) const noexcept {
  Output<PEDIGREE_MAX_SIGNATURE> out;
  out.status =
      pedigree_sign_hash(port.handle(), slot, digest.data(), digest.size(), out.octets.data(), &out.size);
  return out;
}

psa_status_t Stage::provision(std::uint32_t slot, Bytes spki) noexcept {
  const Bytes wire = issuer.chain_for(spki, {.with_root = true}, chain);
  if (wire.empty()) return status(ErrorCode::crypto_failure);
  if (const psa_status_t result = write_chain(slot, wire); result != 0) return result;
  return commit(slot).status;
}

}  // namespace pedigree::scenarios
