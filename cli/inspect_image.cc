// SPDX-License-Identifier: Apache-2.0
// Firmware images: header and every TLV, with its offset.
#include "cli/inspect_image.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/describe.h"
#include "cli/diagnostic.h"
#include "cli/image_values.h"

namespace pedigree::cli {
namespace {

using image::TlvType;

struct FlagName {
  std::uint32_t bit;
  const char* name;
};
constexpr FlagName kFlags[] = {{image::kNonBootable, "non-bootable"},
                               {image::kRamLoad, "RAM load"},
                               {image::kRomFixed, "ROM fixed"},
                               {1, "PIC"}};

std::string flags_text(std::uint32_t flags) {
  std::string text;
  for (const FlagName& flag : kFlags) {
    if ((flags & flag.bit) == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(flag.name);
    flags &= ~flag.bit;
  }
  if (flags != 0) text += fmt::format("{}{:#x}", text.empty() ? "" : ", ", flags);
  return text.empty() ? "none" : text;
}

void add_header(Report& report, const ImageView& view) {
  const image::Header& header = view.layout.header;
  report.add("version", version_text(header.version));
  report.add("header", fmt::format("{} octets", header.header_size), boost::json::value(header.header_size));
  report.add("code", fmt::format("{} octets", header.payload_size), boost::json::value(header.payload_size));
  report.add("flags", flags_text(header.flags), boost::json::value(header.flags));
  if (header.load_address != 0) {
    report.add("load address", fmt::format("{:#010x}", header.load_address),
               boost::json::value(header.load_address));
  }
  report.add("size", fmt::format("{} octets", view.layout.end), boost::json::value(view.layout.end));
  if (view.file_size > view.layout.end) {
    const std::uint32_t more = view.file_size - view.layout.end;
    report.add("after it", fmt::format("{} octets", more), boost::json::value(more));
  }
}

std::string dependency_text(Bytes value) {
  if (value.size() != 12) return to_hex(value);
  const image::Version version{value[4], value[5],
                               static_cast<std::uint16_t>(image::read_little_endian(value.subspan(6, 2))),
                               image::read_little_endian(value.subspan(8, 4))};
  return fmt::format("image {} from version {}", value[0], version_text(version));
}

std::string id_text(Bytes value) {
  image::Uuid id{};
  if (value.size() != id.size()) return to_hex(value);
  std::copy(value.begin(), value.end(), id.begin());
  return uuid_text(id);
}

/// The value of a TLV in a line.
std::string value_text(const TlvView& view) {
  const Bytes value = view.value;
  switch (view.tlv.type) {
    case TlvType::dependency:
      return dependency_text(value);
    case TlvType::security_counter:
      if (value.size() == 4) return std::to_string(image::read_little_endian(value));
      break;
    case TlvType::vendor_id:
    case TlvType::class_id:
      return id_text(value);
    case TlvType::sig_pure:
      return value.size() == 1 && value[0] == 1 ? "the signature is over the image itself" : to_hex(value);
    case TlvType::boot_record: {
      const auto text = diagnostic(value);
      if (text) return *text;
      break;
    }
    default:
      break;
  }
  return to_hex(value);
}

void add_certificates(Report& part, const std::vector<Bytes>& chain, der::UnixTime now) {
  part.parts_name = "certificates";
  for (const Bytes der : chain) {
    auto report = report_certificate(der, now);
    if (report) part.parts.push_back(*std::move(report));
  }
}

void add_statement(Report& part, const StatementView& view) {
  const image::Statement& statement = view.content.statement;
  part.add("name", printable(statement.name));
  part.add("version", version_text(statement.product.version));
  part.add("digest", to_hex(statement.digest));
  if (statement.product.vendor) part.add("vendor id", uuid_text(*statement.product.vendor));
  if (statement.product.class_id) part.add("class id", uuid_text(*statement.product.class_id));
  std::string text;
  boost::json::array parents;
  for (std::size_t i = 0; i < statement.parent_count; ++i) {
    text += (text.empty() ? "" : "\n") + to_hex(statement.parents[i]);
    parents.emplace_back(to_hex(statement.parents[i]));
  }
  part.add("parents", text.empty() ? "none" : text, std::move(parents));
  part.add("statement sha256", to_hex(view.sha256));
  boost::json::array signer;
  for (const Bytes der : view.content.signer.chain.view()) {
    const auto certificate = x509::Certificate::parse(der);
    if (!certificate) continue;
    signer.push_back(boost::json::object{{"title", printable(title_of(*certificate))},
                                         {"spki_sha256", sha256_hex(certificate->spki().whole)}});
  }
  part.add("signer", path_text(view.content.signer.chain.view()), std::move(signer));
}

/// The statement that was read of this TLV, if it is one.
const StatementView* statement_at(const ImageView& view, std::uint32_t offset) {
  if (view.statement && view.statement->offset == offset) return &*view.statement;
  for (const StatementView& statement : view.lineage) {
    if (statement.offset == offset) return &statement;
  }
  return nullptr;
}

Report tlv_part(const ImageView& view, const TlvView& tlv, der::UnixTime now) {
  Report part{.kind = tlv_text(tlv.tlv.type), .title = tlv_text(tlv.tlv.type)};
  part.remark = fmt::format("at {}, {} octets, {}", offset_text(tlv.tlv.offset), tlv.tlv.size,
                            tlv.tlv.is_protected ? "protected" : "not protected");
  // People have these in the remark.
  const auto hidden = [&part](const char* name, boost::json::value value) {
    part.facts.push_back({name, {}, std::move(value)});
  };
  hidden("type", static_cast<std::uint16_t>(tlv.tlv.type));
  hidden("offset", tlv.tlv.offset);
  hidden("octets", tlv.tlv.size);
  hidden("protected", tlv.tlv.is_protected);
  if (const StatementView* statement = statement_at(view, tlv.tlv.offset)) {
    add_statement(part, *statement);
  } else if (tlv.tlv.type == TlvType::chain && !view.chain.empty()) {
    add_certificates(part, {view.chain.begin(), view.chain.end()}, now);
  } else {
    part.add("value", value_text(tlv));
  }
  return part;
}

}  // namespace

Report image_report(const ImageView& view, der::UnixTime now) {
  Report report{.kind = "firmware image"};
  report.title = view.statement ? printable(view.statement->content.statement.name) : "firmware image";
  report.remark = version_text(view.product.version);
  report.parts_name = "tlvs";
  add_header(report, view);
  for (const TlvView& tlv : view.tlvs) report.parts.push_back(tlv_part(view, tlv, now));
  return report;
}

ReportResult report_image(Bytes content, der::UnixTime now) {
  ImageView view;
  image::VerifyFault fault;
  if (const auto read = read_view(image::MemorySource(content), view, fault); !read) {
    InspectError error = to_inspect_error(fault.error, "the image");
    if (fault.tlv != TlvType{}) error.where = tlv_text(fault.tlv);
    return std::unexpected(std::move(error));
  }
  return image_report(view, now);
}

}  // namespace pedigree::cli
