// SPDX-License-Identifier: Apache-2.0
// What a slot's key signs about itself: the certification request and the receipt; and the commit between.
#include "core/cose/cose.h"
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/evidence/evidence.h"
#include "core/x509/oids.h"
#include "device/service/service.h"

namespace pedigree::device {
namespace {

constexpr std::size_t kShortName = 8;

/// Octets as lower-case hex.
void write_hex(Bytes octets, Writer& out) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint8_t octet : octets) {
    out.u8(static_cast<std::uint8_t>(kDigits[octet >> 4U]));
    out.u8(static_cast<std::uint8_t>(kDigits[octet & 0x0fU]));
  }
}

/// An RDN of one attribute up to its text, whose length never changes: { serialNumber, PrintableString } and
/// { commonName, UTF8String }. Written out, so that the writer of names is not in the image.
constexpr std::uint8_t kSerialNumberRdn[] = {0x31, 0x4b, 0x30, 0x49, 0x06, 0x03,
                                             0x55, 0x04, 0x05, 0x13, 0x42};
constexpr std::uint8_t kCommonNameRdn[] = {0x31, 0x19, 0x30, 0x17, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x10};
constexpr std::uint8_t kSerialNumberSize = sizeof kSerialNumberRdn + 2 * enrol::kDeviceIdSize;
constexpr std::uint8_t kCommonNameSize = sizeof kCommonNameRdn + 2 * kShortName;
static_assert(kSerialNumberSize == 2 + 0x4b && kCommonNameSize == 2 + 0x19);

/// serialNumber = device id, and CN = its first octets if wanted.
void write_subject(Bytes device_id, std::uint32_t subject, Writer& out) noexcept {
  const bool with_common_name = subject == PEDIGREE_SUBJECT_WITH_COMMON_NAME;
  out.u8(static_cast<std::uint8_t>(der::kSequence));
  out.u8(kSerialNumberSize + (with_common_name ? kCommonNameSize : 0));
  out.bytes(kSerialNumberRdn);
  write_hex(device_id, out);
  if (!with_common_name) return;
  out.bytes(kCommonNameRdn);
  write_hex(device_id.first(kShortName), out);
}

/// What a request is to hold, as one number up to kLastForm.
constexpr std::uint32_t kLastForm = kAttests ? 3 : 1;
std::uint32_t form_of(const pedigree_csr_request_t& request) noexcept {
  static_assert(PEDIGREE_SUBJECT_WITH_COMMON_NAME == 1);
  const bool known = request.evidence <= 1 && request.subject <= 1;
  return known ? 2 * request.evidence + request.subject : UINT32_MAX;
}

/// Extensions with one, keyUsage digitalSignature, critical: what every request asks for. Written out, so
/// that the writer of extensions is not in the image.
constexpr std::uint8_t kRequestedExtensions[] = {0x30, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f,
                                                 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};

}  // namespace

/// PKCS#10 to the start of the workspace; evidence waits at its end until it is copied.
Status Service::write_pkcs10(const pedigree_csr_request_t& request, const KeyRecord& key, Bytes spki,
                             std::size_t& size) noexcept {
  MutableBytes space = workspace_;
  const auto entropy = enrol::entropy_value(platform_.entropy);
  std::array<std::uint8_t, 2 + 2 * PEDIGREE_NONCE_SIZE> challenge;
  Writer password(challenge);
  password.u8(der::kPrintableString);
  password.u8(2 * PEDIGREE_NONCE_SIZE);
  write_hex(request.nonce, password);
  std::array<csr::Attribute, kAttests ? 4 : 3> attributes{
      {{x509::oid::kExtensionRequest, kRequestedExtensions},
       {enrol::kEntropyAttribute, entropy},
       {x509::oid::kChallengePassword, challenge}}};
  std::size_t count = 3;
  if constexpr (kAttests) {
    if (request.evidence == 1) {
      if (key.origin == enrol::Origin::import) return ErrorCode::evidence_forbidden;
      Bytes value;
      PEDIGREE_CHECK(write_evidence(request.nonce, spki, value));
      attributes[count++] = {evidence::kAttribute, value};
      space = space.first(space.size() - value.size() - evidence::kAttributeOverhead);
    }
  }
  std::array<std::uint8_t, 128> name;
  Writer subject(name);
  write_subject(platform_.device_id, request.subject, subject);
  csr::RequestFields fields;
  fields.subject = subject.written();
  fields.spki = spki;
  fields.attributes = std::span(attributes).first(count);
  const auto der = csr::write_request(crypto_, fields, private_key(request.slot, key),
                                      crypto::default_algorithm(key.type), space);
  PEDIGREE_CHECK(der);
  size = der->size();
  return {};
}

/// The request for this slot and nonce: composed and signed here, every octet of it, and kept resident until
/// the workspace is needed for something else.
Status Service::compose_request(const pedigree_csr_request_t& request) noexcept {
  if (resident_.kind == Resident::Kind::request && resident_.slot == request.slot &&
      resident_.form == form_of(request) && equal(resident_.nonce, request.nonce)) {
    return {};
  }
  SlotRecord record;
  PEDIGREE_CHECK(load(request.slot, record));
  if (!record.pending) return ErrorCode::wrong_state;
  const KeyRecord& key = *record.pending;
  const Spki spki = spki_of(key);
  clear_workspace();
  std::size_t size = 0;
  if (kAttests && key.origin == enrol::Origin::builtin && !platform_.iak_signs_requests) {
    PEDIGREE_CHECK(write_token_request(request.nonce, spki.view(), size));
  } else {
    PEDIGREE_CHECK(write_pkcs10(request, key, spki.view(), size));
  }
  resident_.kind = Resident::Kind::request;
  resident_.slot = request.slot;
  resident_.form = form_of(request);
  resident_.size = size;
  std::copy_n(request.nonce, sizeof request.nonce, resident_.nonce.begin());
  return {};
}

Status Service::write_resident(Message& message, std::uint32_t offset) const noexcept {
  if (offset > resident_.size) return ErrorCode::bad_offset;
  const Bytes rest = Bytes(workspace_).first(resident_.size).subspan(offset);
  write_output(message, 0, static_cast<std::uint32_t>(resident_.size));
  message.write(1, rest.first(std::min(rest.size(), message.out_size(1))));
  return {};
}

[[gnu::noinline]] Status Service::csr(Message& message) noexcept {
  pedigree_csr_request_t request;
  PEDIGREE_CHECK(read_input(message, 0, request));
  if (form_of(request) > kLastForm) return ErrorCode::bad_value;
  PEDIGREE_CHECK(check_room(message, 0, sizeof(std::uint32_t)));
  PEDIGREE_CHECK(compose_request(request));
  return write_resident(message, request.offset);
}

Status Service::load_pinned_root(PinnedRoot& root) noexcept {
  RootRecord record;
  PEDIGREE_CHECK(store_.load_root(record));
  root.spki_sha256 = record.spki_sha256;
  const MutableBytes spki = root_space().first(record.spki_size);
  root.spki = spki;
  return store_.load_root_spki(spki);
}

/// Makes of a pending key what the slot's active key will be once the staged chain is committed; pins the
/// root if none is. A cut after the pin leaves the slot pending under a root that its own, checked chain ends
/// at. Errors: chain_incomplete, lifecycle_forbids (no root is pinned and the lifecycle is too late for it),
/// those of check_chain.
[[gnu::noinline]] Status Service::activate(std::uint32_t slot, KeyRecord& key) noexcept {
  if (key.chain_size == 0) return ErrorCode::chain_incomplete;
  PEDIGREE_CHECK(load_staged(slot, key));
  if (resident_.size != key.chain_size) return ErrorCode::chain_incomplete;
  PinnedRoot root;
  const Status loaded = load_pinned_root(root);
  const bool pinned = loaded.ok();
  if (!pinned) {
    if (loaded.code() != ErrorCode::not_found) return loaded;
    if (platform_.lifecycle != enrol::Lifecycle::assembly_and_test && !opened_) {
      return ErrorCode::lifecycle_forbids;
    }
  }
  // Of a root that a grant has pinned the hash alone is known: its key is kept from the first chain with it.
  const bool key_known = pinned && !root.spki.empty();
  const Bytes chain = Bytes(chain_space()).first(resident_.size);
  CheckedChain checked;
  PEDIGREE_CHECK(check_chain(crypto_, chain, spki_of(key).view(), pinned, root, checked));
  key.certificates = checked.certificates;
  key.chain_size = static_cast<std::uint32_t>(checked.size);
  key.chain_digest_known = true;
  const std::uint8_t head = static_cast<std::uint8_t>(0x80U | checked.certificates);
  const Bytes parts[] = {{&head, 1}, chain.first(checked.size).subspan(1)};
  PEDIGREE_CHECK(hash(parts, key.chain_sha256));
  return key_known ? Status() : store_.pin_root(root.spki, root.spki_sha256);
}

/// To the workspace; what was resident there is in storage too. Not inline, as activate: commit would have
/// their stacks on top of each other.
[[gnu::noinline]] Status Service::write_receipt(const pedigree_commit_request_t& request,
                                                const KeyRecord& key, Bytes& receipt) noexcept {
  std::array<std::uint8_t, 128> payload;
  Writer writer(payload);
  enrol::encode(enrol::Receipt{request.slot, key.chain_sha256, request.nonce, platform_.device_id}, writer);
  clear_workspace();
  if (kAttests && key.origin == enrol::Origin::builtin) return write_token_receipt(writer.written(), receipt);
  cose::Sign1Fields fields;
  fields.payload = writer.written();
  const auto written = cose::write_sign1(crypto_, fields, private_key(request.slot, key), workspace_);
  if (written) receipt = *written;
  return written;
}

Status Service::commit(Message& message) noexcept {
  pedigree_commit_request_t request;
  SlotRecord record;
  PEDIGREE_CHECK(read_input(message, 0, request));
  PEDIGREE_CHECK(check_room(message, 0, PEDIGREE_MAX_RECEIPT));
  PEDIGREE_CHECK(load(request.slot, record));
  const bool pending = record.pending.has_value();
  if (pending) {
    record.active = record.pending;
    record.pending.reset();
    PEDIGREE_CHECK(activate(request.slot, *record.active));
  }
  // The receipt is signed before the record is set, so that a failing signature leaves the slot as it was.
  Bytes receipt;
  PEDIGREE_CHECK(write_receipt(request, *record.active, receipt));
  PEDIGREE_CHECK(check_room(message, 0, receipt.size()));
  if (pending) PEDIGREE_CHECK(settle(request.slot, record));
  message.write(0, receipt);
  return {};
}

}  // namespace pedigree::device
