// SPDX-License-Identifier: Apache-2.0
#include "testing/images/pki.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/x509/oids.h"

namespace pedigree::testing {
namespace {

const Bytes kCodeSigning[] = {x509::oid::kCodeSigning};

Octets limits_extension(const OemSpec& oem) {
  Octets value(1024);
  Writer out(value);
  der::Builder builder(out);
  image::write_limits(oem.vendors, oem.classes, oem.minimum, oem.maximum, builder);
  value.resize(out.size());
  return extension(image::kFirmwareLimitsOid, false, value);
}

/// A source that is not mapped.
class FarSource final : public image::Source {
 public:
  explicit FarSource(Bytes octets) : near_(octets) {}
  [[nodiscard]] std::uint32_t size() const noexcept override { return near_.size(); }
  [[nodiscard]] Result<void> read(std::uint32_t offset, MutableBytes out) const noexcept override {
    return near_.read(offset, out);
  }

 private:
  image::MemorySource near_;
};

std::uint16_t u16(Bytes octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] | octets[at + 1] << 8U);
}

void put_u16(Octets& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
}

Octets area(std::uint16_t magic, const std::vector<ImageParts::Part>& parts) {
  Octets tlvs;
  for (const ImageParts::Part& part : parts) {
    put_u16(tlvs, part.type);
    put_u16(tlvs, part.value.size());
    tlvs.insert(tlvs.end(), part.value.begin(), part.value.end());
  }
  Octets out;
  put_u16(out, magic);
  put_u16(out, tlvs.size() + 4);
  out.insert(out.end(), tlvs.begin(), tlvs.end());
  return out;
}

std::vector<ImageParts::Part> parts_of(Bytes area) {
  std::vector<ImageParts::Part> parts;
  for (std::size_t at = 4; at < area.size();) {
    const std::size_t size = u16(area, at + 2);
    const Bytes value = area.subspan(at + 4, size);
    parts.push_back({u16(area, at), Octets(value.begin(), value.end())});
    at += 4 + size;
  }
  return parts;
}

}  // namespace

ImagePki::ImagePki() : root_key_(crypto::OpenSslKey::generate(crypto::KeyType::p256).value()) {
  CertificateSpec spec;
  spec.subject = spec.issuer = "Silicon Root";
  spec.key = spec.issuer_key = root_key_.view();
  spec.extensions.basic_constraints = {true, std::nullopt};
  spec.extensions.key_usage = x509::kKeyCertSign;
  root_ = make_certificate(crypto_, spec);
  anchors_.push_back({x509::Certificate::parse(root_).value(), {}, {}});
}

ImagePki::ImagePki(crypto::OpenSslKey root_key, Octets root)
    : root_key_(std::move(root_key)), root_(std::move(root)) {
  anchors_.push_back({x509::Certificate::parse(root_).value(), {}, {}});
}

TestSigner ImagePki::make_signer(crypto::KeyType type, const OemSpec& oem, bool code_signing) const {
  const auto oem_key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  TestSigner signer{crypto::OpenSslKey::generate(type).value(), {}};
  const Octets limits = oem.states_limits ? limits_extension(oem) : Octets();
  CertificateSpec intermediate;
  intermediate.subject = oem.name;
  const Bytes root_name = anchors_[0].certificate->subject();
  intermediate.issuer_der.assign(root_name.begin(), root_name.end());
  intermediate.key = oem_key.view();
  intermediate.issuer_key = root_key_.view();
  intermediate.extensions.basic_constraints = {true, 0};
  intermediate.extensions.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  if (oem.code_signing) intermediate.extensions.ext_key_usage = kCodeSigning;
  intermediate.extensions.extra = limits;
  CertificateSpec leaf;
  leaf.subject = oem.name + " signer";
  leaf.issuer = oem.name;
  leaf.key = signer.key.view();
  leaf.issuer_key = oem_key.view();
  leaf.extensions.key_usage = x509::kDigitalSignature;
  if (code_signing) leaf.extensions.ext_key_usage = kCodeSigning;
  signer.chain = {make_certificate(crypto_, leaf), make_certificate(crypto_, intermediate)};
  return signer;
}

signing::SignOptions options_of(const TestSigner& signer) {
  signing::SignOptions options;
  options.version = {1, 2, 3, 4};
  options.pad_header = true;
  options.name = "base";
  options.chain = signer.chain;
  return options;
}

Octets code(std::size_t size) {
  Octets octets(size);
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return octets;
}

Octets sign(const ImagePki& pki, const TestSigner& signer, const signing::SignOptions& options, Bytes input) {
  MemorySink sink;
  const auto made = signing::sign_image(pki.crypto(), signer.key.view(), options, input, sink);
  EXPECT_TRUE(made) << name(made.error().code);
  EXPECT_TRUE(!made || made->size == sink.octets.size());
  return sink.octets;
}

std::string verdict(const ImagePki& pki, Bytes octets, const image::VerifyOptions& options, bool mapped) {
  Octets chain(8192);
  Octets statement(8192);
  Octets block(97);  // no multiple of anything
  const image::MemorySource near(octets);
  const FarSource far(octets);
  const image::Source& source = mapped ? static_cast<const image::Source&>(near) : far;
  image::VerifyFault fault;
  const auto verified = image::verify_image(pki.crypto(), source, options, {chain, statement, block}, fault);
  if (verified) return {};
  EXPECT_EQ(verified.error(), fault.error);
  return fmt::format("{} at {} in {}", name(fault.error.code), fault.error.offset,
                     fault.tlv == image::TlvType{} ? "-" : image::name(fault.tlv));
}

std::string verdict(const ImagePki& pki, Bytes image) {
  image::VerifyOptions options;
  options.trust = pki.trust();
  options.check_statement = true;
  return verdict(pki, image, options);
}

ImageParts ImageParts::of(Bytes image) {
  const std::size_t header_size = u16(image, 8);
  const std::size_t protected_size = u16(image, 10);
  const std::size_t payload_size = u16(image, 12) + std::size_t{u16(image, 14)} * 65536;
  const auto copy = [](Bytes octets) { return Octets(octets.begin(), octets.end()); };
  ImageParts parts;
  parts.header = copy(image.first(header_size));
  parts.payload = copy(image.subspan(header_size, payload_size));
  const Bytes areas = image.subspan(header_size + payload_size);
  parts.protected_tlvs = parts_of(areas.first(protected_size));
  parts.tlvs = parts_of(areas.subspan(protected_size));
  return parts;
}

Octets ImageParts::assemble() const {
  Octets out = header;
  const Octets first = protected_tlvs.empty() ? Octets() : area(0x6908, protected_tlvs);
  const Octets second = area(0x6907, tlvs);
  out[10] = static_cast<std::uint8_t>(first.size());
  out[11] = static_cast<std::uint8_t>(first.size() >> 8U);
  for (const Octets* part : {&payload, &first, &second}) out.insert(out.end(), part->begin(), part->end());
  return out;
}

ImageParts::Part& ImageParts::find(image::TlvType type) {
  for (Part& part : tlvs) {
    if (part.type == static_cast<std::uint16_t>(type)) return part;
  }
  throw std::runtime_error("no such TLV");
}

}  // namespace pedigree::testing
