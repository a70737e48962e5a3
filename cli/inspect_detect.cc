// SPDX-License-Identifier: Apache-2.0
// Which form a file has. Only structure decides, no file name.
#include <optional>

#include "cli/files.h"
#include "cli/inspect.h"
#include "core/cbor/cbor.h"
#include "core/evidence/evidence.h"
#include "core/firmware_image/image.h"
#include "core/smp/smp.h"

namespace pedigree::cli {
namespace {

constexpr std::size_t kMaxTags = 8;

/// Tags of the first elements in `content`, as text of one octet each.
std::string tags_in(Bytes content) {
  std::string tags;
  Reader in(content);
  while (!in.empty() && tags.size() < kMaxTags) {
    const auto element = der::read_any(in);
    if (!element) break;
    tags.push_back(static_cast<char>(element->tag));
  }
  return tags;
}

/// SIGNED{...}: certificate, request or CRL by the tags of what is signed.
Form detect_signed(Bytes tbs) {
  std::string tags = tags_in(tbs);
  if (tags.starts_with('\xa0')) return Form::certificate;                                      // version
  if (tags.starts_with("\x30\x30\x17") || tags.starts_with("\x30\x30\x18")) return Form::crl;  // version 1
  if (!tags.starts_with("\x02\x30\x30")) return Form::unknown;
  tags.erase(0, 3);
  if (tags.starts_with('\xa0') || tags.empty()) return Form::request;          // attributes
  if (tags.starts_with('\x17') || tags.starts_with('\x18')) return Form::crl;  // thisUpdate
  return Form::certificate;
}

Form detect_der(Bytes content) {
  Reader in(content);
  const auto outer = der::read(in, der::kSequence);
  if (!outer) return Form::unknown;
  const std::string tags = tags_in(outer->content);
  if (tags.starts_with("\x30\x30\x03")) {
    Reader inside = outer->reader();
    return detect_signed(der::read_any(inside)->content);
  }
  if (tags.starts_with("\x30\x03")) return Form::public_key;
  if (tags.starts_with("\x30\x04")) return Form::encrypted_private_key;
  const bool pkcs8 = tags.starts_with("\x02\x30\x04");
  const bool sec1 = tags.starts_with("\x02\x04");
  const bool pkcs1 = tags.starts_with("\x02\x02\x02\x02");
  return pkcs8 || sec1 || pkcs1 ? Form::private_key : Form::unknown;
}

Form detect_cbor(Bytes content) {
  Reader in(content);
  if (content[0] == 0xd2) return Form::cose_sign1;
  const auto count = cbor::read_array(in);
  if (!count) return content[0] > 0x80 && content[0] < 0x9c ? Form::cbor_chain : Form::unknown;
  if (*count == 4 && cbor::read_bstr(in) && cbor::peek(in) == cbor::Major::map) return Form::cose_sign1;
  return Form::cbor_chain;
}

/// Whether packet follows packet to the end, each with a payload that begins as a map.
bool is_smp(Bytes content) {
  Reader in(content);
  while (!in.empty()) {
    const auto header = smp::read_header(in);
    if (!header) return false;
    const auto payload = in.take(header->length);
    if (!payload || payload->empty() || (*payload)[0] >> 5U != static_cast<unsigned>(cbor::Major::map)) {
      return false;
    }
  }
  return !content.empty();
}

bool is_pcap(Bytes content) {
  if (content.size() < 4) return false;
  const auto magic = static_cast<std::uint32_t>(*Reader(content).big_endian(4));
  return magic == 0xa1b2c3d4 || magic == 0xd4c3b2a1 || magic == 0xa1b23c4d || magic == 0x4d3cb2a1;
}

bool is_image(Bytes content) {
  return content.size() >= image::kHeaderSize && image::read_little_endian(content.first(4)) == image::kMagic;
}

/// Whether a line begins as the first one of a console frame does: 06 09, then base64.
bool has_console_frame(std::string_view text) {
  constexpr std::string_view kStart = "\x06\x09";
  for (std::size_t at = text.find(kStart); at != std::string_view::npos; at = text.find(kStart, at + 1)) {
    const std::string_view body = text.substr(at + kStart.size(), 4);
    const bool line_start = at == 0 || text[at - 1] == '\n' || text[at - 1] == '\r';
    if (line_start && from_base64(body)) return true;
  }
  return false;
}

}  // namespace

Form detect(Bytes content) noexcept {
  if (content.empty()) return Form::unknown;
  if (is_pcap(content)) return Form::pcap;
  if (is_image(content)) return Form::image;
  if (is_pem(content)) return Form::pem;
  if (content[0] == der::kSequence) return detect_der(content);
  if (evidence::TokenRequest::parse(content)) return Form::token_request;
  if (is_smp(content)) return Form::smp;
  if (has_console_frame(as_text(content))) return Form::console;
  const auto major = static_cast<cbor::Major>(content[0] >> 5U);
  if (major == cbor::Major::array || major == cbor::Major::tag) return detect_cbor(content);
  return Form::unknown;
}

}  // namespace pedigree::cli
