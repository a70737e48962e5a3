// SPDX-License-Identifier: Apache-2.0
#include "cli/image_view.h"

#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/image_values.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {
namespace {

using image::TlvType;

/// Reads a TLV's value as what its type says. Errors: bad_tlv, lineage_refused, those of certificates.
class Taker {
 public:
  explicit Taker(ImageView& view) : view_(view) {}

  Result<void> take(const TlvView& tlv) {
    switch (tlv.tlv.type) {
      case TlvType::vendor_id:
        return take_id(tlv, view_.product.vendor);
      case TlvType::class_id:
        return take_id(tlv, view_.product.class_id);
      case TlvType::security_counter:
        if (tlv.value.size() != 4) return fail(ErrorCode::bad_tlv);
        view_.security_counter = image::read_little_endian(tlv.value);
        return {};
      case TlvType::chain:
        return take_chain(tlv);
      case TlvType::statement: {
        PEDIGREE_ASSIGN(view_.statement, read_statement(tlv));
        return {};
      }
      case TlvType::lineage: {
        PEDIGREE_ASSIGN(StatementView statement, read_statement(tlv));
        view_.lineage.push_back(std::move(statement));
        return {};
      }
      default:
        return {};
    }
  }

 private:
  static Result<void> take_id(const TlvView& tlv, std::optional<image::Uuid>& out) {
    image::Uuid id{};
    if (tlv.value.size() != id.size()) return fail(ErrorCode::bad_tlv);
    std::copy(tlv.value.begin(), tlv.value.end(), id.begin());
    out = id;
    return {};
  }

  Result<void> take_chain(const TlvView& tlv) {
    const auto chain = cose::read_chain(tlv.value);
    if (!chain) return fail(ErrorCode::bad_tlv);
    for (const Bytes der : chain->view()) {
      PEDIGREE_TRY(x509::Certificate::parse(der));
      view_.chain.emplace_back(der.begin(), der.end());
    }
    return {};
  }

  Result<StatementView> read_statement(const TlvView& tlv) const {
    StatementView statement;
    statement.offset = tlv.tlv.offset;
    statement.message = tlv.value;
    PEDIGREE_ASSIGN(statement.content, image::read_statement(statement.message));
    PEDIGREE_ASSIGN(statement.sha256, crypto_.sha256(statement.message));
    for (const Bytes der : statement.content.signer.chain.view()) {
      PEDIGREE_TRY(x509::Certificate::parse(der));
    }
    return statement;
  }

  ImageView& view_;
  crypto::OpenSslCrypto crypto_;
};

}  // namespace

Result<void> read_view(const image::Source& source, ImageView& view, image::VerifyFault& fault) {
  const auto note = [&fault](const Error& error, TlvType tlv, std::uint32_t offset) {
    fault.error = {error.code, offset};
    fault.tlv = tlv;
    return std::unexpected(fault.error);
  };
  view.file_size = source.size();
  const auto layout = image::read_layout(source);
  if (!layout) return note(layout.error(), TlvType{}, layout.error().offset);
  view.layout = *layout;
  view.product.version = layout->header.version;
  Taker taker(view);
  image::TlvReader reader(source, *layout);
  while (true) {
    const auto tlv = reader.next();
    if (!tlv) return note(tlv.error(), TlvType{}, tlv.error().offset);
    if (!*tlv) return {};
    TlvView& taken = view.tlvs.emplace_back(TlvView{**tlv, Octets((*tlv)->size)});
    if (const auto value = image::read_value(source, **tlv, taken.value); !value) {
      return note(value.error(), taken.tlv.type, taken.tlv.offset);
    }
    if (const auto done = taker.take(taken); !done)
      return note(done.error(), taken.tlv.type, taken.tlv.offset);
  }
}

std::string path_text(std::span<const Bytes> chain) {
  std::string text;
  for (std::size_t i = chain.size(); i-- > 0;) {
    const auto certificate = x509::Certificate::parse(chain[i]);
    text += certificate ? title_of(*certificate) : "(unreadable)";
    if (i > 0) text += " > ";
  }
  return text;
}

std::string limits_of(const x509::Certificate& certificate) {
  const auto found = image::find_limits(certificate);
  if (!found) return "limits that are malformed";
  return *found ? limits_text(**found) : std::string();
}

}  // namespace pedigree::cli
