// SPDX-License-Identifier: Apache-2.0
// What a slot's key signs about itself: the certification request and the receipt; and the commit between.
#include "core/cose/cose.h"
#include "core/csr/csr.h"
#include "core/x509/oids.h"
#include "device/service/service.h"

namespace pedigree::device {
namespace {

constexpr std::size_t kShortName = 8;

/// Writes octets as lower-case hex.
void write_hex(Bytes octets, Writer& out) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint8_t octet : octets) {
    out.u8(static_cast<std::uint8_t>(kDigits[octet >> 4U]));
    out.u8(static_cast<std::uint8_t>(kDigits[octet & 0x0fU]));
  }
}

/// serialNumber = device id, and CN = its first octets if wanted.
Result<Bytes> write_subject(Bytes device_id, std::uint32_t subject, MutableBytes out) noexcept {
  std::array<std::uint8_t, 2 * enrol::kDeviceIdSize> hex;
  Writer hex_writer(hex);
  write_hex(device_id, hex_writer);
  const std::string_view id = as_text(hex);
  const std::array<x509::NamePart, 2> parts{
      {{x509::oid::kSerialNumber, id}, {x509::oid::kCommonName, id.substr(0, 2 * kShortName)}}};
  Writer writer(out);
  der::Builder builder(writer);
  x509::write_name(std::span(parts).first(subject == PEDIGREE_SUBJECT_WITH_COMMON_NAME ? 2 : 1), builder);
  return writer.finish();
}

}  // namespace

/// The request for this slot and nonce: composed and signed here, every octet of it, and kept until the
/// workspace is needed for something else.
Result<Bytes> Service::compose_request(const pedigree_csr_request_t& request) noexcept {
  if (resident_.kind == Resident::Kind::request && resident_.slot == request.slot &&
      resident_.subject == request.subject && equal(resident_.nonce, request.nonce)) {
    return Bytes(chain_space()).first(resident_.size);
  }
  PEDIGREE_ASSIGN(const SlotRecord record, load(request.slot));
  if (!record.pending) return fail(ErrorCode::wrong_state);
  std::array<std::uint8_t, 128> name;
  PEDIGREE_ASSIGN(const Bytes subject, write_subject(platform_.device_id, request.subject, name));
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> key;
  PEDIGREE_ASSIGN(const Bytes spki, write_key_spki(*record.pending, key));
  std::array<std::uint8_t, 2 * PEDIGREE_NONCE_SIZE> challenge;
  Writer challenge_writer(challenge);
  write_hex(request.nonce, challenge_writer);
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  csr::RequestFields fields;
  fields.subject = subject;
  fields.spki = spki;
  fields.challenge_password = as_text(challenge);
  fields.extensions = &extensions;

  resident_ = {};
  PEDIGREE_ASSIGN(const Bytes der,
                  csr::write_request(crypto_, fields, private_key(request.slot, *record.pending),
                                     crypto::default_algorithm(record.pending->type), chain_space()));
  resident_.kind = Resident::Kind::request;
  resident_.slot = request.slot;
  resident_.subject = request.subject;
  resident_.size = der.size();
  std::ranges::copy(request.nonce, resident_.nonce.begin());
  return der;
}

Result<void> Service::csr(Message& message) noexcept {
  PEDIGREE_ASSIGN(const auto request, read_input<pedigree_csr_request_t>(message, 0));
  if (request.subject > PEDIGREE_SUBJECT_WITH_COMMON_NAME) return fail(ErrorCode::bad_value);
  if (message.out_size(0) < sizeof(std::uint32_t)) return fail(ErrorCode::buffer_too_small);
  PEDIGREE_ASSIGN(const Bytes der, compose_request(request));
  if (request.offset > der.size()) return fail(ErrorCode::bad_offset);
  const Bytes rest = der.subspan(request.offset);
  write_output(message, 0, static_cast<std::uint32_t>(der.size()));
  message.write(1, rest.first(std::min(rest.size(), message.out_size(1))));
  return {};
}

/// Errors: chain_incomplete, lifecycle_forbids (no root is pinned and the lifecycle is too late for it),
/// those of check_chain.
Result<CheckedChain> Service::check_staged(std::uint32_t slot, const KeyRecord& pending) noexcept {
  if (pending.chain_size == 0) return fail(ErrorCode::chain_incomplete);
  PEDIGREE_TRY(load_staged(slot, pending));
  if (resident_.size != pending.chain_size) return fail(ErrorCode::chain_incomplete);
  PEDIGREE_ASSIGN(const std::optional<RootRecord> root, store_.load_root());
  std::optional<PinnedRoot> pinned;
  if (root) {
    PEDIGREE_ASSIGN(const Bytes spki, store_.load_root_spki(*root, root_space()));
    pinned = PinnedRoot{root->spki_sha256, spki};
  } else if (platform_.lifecycle != enrol::Lifecycle::assembly_and_test) {
    return fail(ErrorCode::lifecycle_forbids);
  }
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> buffer;
  PEDIGREE_ASSIGN(const Bytes own_spki, write_key_spki(pending, buffer));
  return check_chain(crypto_, Bytes(chain_space()).first(resident_.size), own_spki, pinned);
}

/// What the slot's active key will be once the staged chain is committed; pins the root if none is. A cut
/// after the pin leaves the slot pending under a root that its own, checked chain ends at.
Result<KeyRecord> Service::activate(std::uint32_t slot, const KeyRecord& pending) noexcept {
  PEDIGREE_ASSIGN(const CheckedChain checked, check_staged(slot, pending));
  KeyRecord active = pending;
  active.certificates = checked.certificates;
  active.chain_size = static_cast<std::uint32_t>(checked.size);
  active.chain_digest_known = true;
  const std::uint8_t head = static_cast<std::uint8_t>(0x80U | checked.certificates);
  const Bytes parts[] = {{&head, 1}, Bytes(chain_space()).first(checked.size).subspan(1)};
  PEDIGREE_TRY(crypto_.digest(crypto::Hash::sha256, parts, active.chain_sha256));
  PEDIGREE_ASSIGN(const std::optional<RootRecord> root, store_.load_root());
  if (!root) PEDIGREE_TRY(store_.pin_root(checked.root.spki, checked.root.spki_sha256));
  return active;
}

Result<Bytes> Service::write_receipt(const pedigree_commit_request_t& request, const KeyRecord& key,
                                     MutableBytes out) const noexcept {
  std::array<std::uint8_t, 128> payload;
  Writer writer(payload);
  enrol::encode(enrol::Receipt{request.slot, key.chain_sha256, request.nonce, platform_.device_id}, writer);
  cose::Sign1Fields fields;
  PEDIGREE_ASSIGN(fields.payload, writer.finish());
  return cose::write_sign1(crypto_, fields, private_key(request.slot, key), out);
}

Result<void> Service::commit(Message& message) noexcept {
  PEDIGREE_ASSIGN(const auto request, read_input<pedigree_commit_request_t>(message, 0));
  if (message.out_size(0) < PEDIGREE_MAX_RECEIPT) return fail(ErrorCode::buffer_too_small);
  PEDIGREE_ASSIGN(SlotRecord record, load(request.slot));
  const bool pending = record.pending.has_value();
  if (pending) {
    PEDIGREE_ASSIGN(record.active, activate(request.slot, *record.pending));
    record.pending.reset();
  }
  // The receipt is signed before the record is set, so that a failing signature leaves the slot as it was.
  std::array<std::uint8_t, 2 * PEDIGREE_MAX_RECEIPT> buffer;
  PEDIGREE_ASSIGN(const Bytes receipt, write_receipt(request, *record.active, buffer));
  if (receipt.size() > PEDIGREE_MAX_RECEIPT) return fail(ErrorCode::buffer_too_small);
  if (pending) {
    PEDIGREE_TRY(store_.save_slot(request.slot, record));
    forget(request.slot);
    tidy(request.slot, record);
  }
  message.write(0, receipt);
  return {};
}

}  // namespace pedigree::device
