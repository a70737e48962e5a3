// SPDX-License-Identifier: Apache-2.0
#include "core/cbor/cbor.h"
#include "core/der/cursor.h"
#include "core/evidence/evidence.h"

namespace pedigree::evidence {
namespace {

struct StatementView {
  Bytes type;
  der::Element value;
};

/// AttestationStatement ::= SEQUENCE { type OBJECT IDENTIFIER, stmt ANY DEFINED BY type }
StatementView read_statement(der::Cursor& in) noexcept {
  const der::Inside fields(in, der::kSequence);
  StatementView statement;
  in.oid();
  statement.type = in.content();
  in.any();
  statement.value = in.element();
  return statement;
}

/// Parameters may follow, such as eat_profile. Not by starts_with, which brings an exception along.
bool is_media_type(std::string_view type) noexcept {
  constexpr std::string_view kWithParameters = "application/eat+cwt;";
  return type == kMediaType || (type.size() >= kWithParameters.size() &&
                                std::string_view(type.data(), kWithParameters.size()) == kWithParameters);
}

/// The record [media type, token] of a conceptual message wrapper.
Result<Bytes> read_record(Bytes record, std::uint32_t offset) noexcept {
  Reader in(record, offset);
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  // A third element, if any, says what kind of message it is.
  if (count != 2 && count != 3) return fail(ErrorCode::bad_attribute, offset);
  PEDIGREE_ASSIGN(const std::string_view type, cbor::read_tstr(in));
  if (!is_media_type(type)) return fail(ErrorCode::bad_attribute, offset);
  PEDIGREE_ASSIGN(const Bytes token, cbor::read_bstr(in));
  if (count == 3) PEDIGREE_TRY(cbor::skip(in));
  PEDIGREE_TRY(in.finish());
  return token;
}

struct Found {
  der::Element statement;
  std::size_t count = 0;
};

/// AttestationBundle ::= SEQUENCE { attestations SEQUENCE SIZE (1..MAX) OF AttestationStatement,
///                                  certs SEQUENCE OF ... OPTIONAL }
Found read_bundle(der::Cursor& in) noexcept {
  Found found;
  {
    const der::Inside bundle(in, der::kSequence);
    {
      const der::Inside statements(in, der::kSequence);
      in.require_more(ErrorCode::bad_attribute);
      while (in.more()) {
        const StatementView statement = read_statement(in);
        if (!equal(statement.type, kStatementType)) continue;
        found.statement = statement.value;
        ++found.count;
      }
    }
    in.skip_if(der::kSequence);
  }
  in.finish();
  return found;
}

}  // namespace

void write_attribute_value(Bytes token, der::Builder& out) noexcept {
  const std::size_t bundle = out.open(der::kSequence);
  const std::size_t statements = out.open(der::kSequence);
  const std::size_t statement = out.open(der::kSequence);
  out.oid(kStatementType);
  const std::size_t octets = out.open(der::kOctetString);
  cbor::Encoder record(out.writer());
  record.array(2);
  record.tstr(kMediaType);
  record.bstr(token);
  out.close(octets);
  out.close(statement);
  out.close(statements);
  out.close(bundle);
}

Result<Bytes> read_attribute_value(Bytes value) noexcept {
  Reader in(value);
  const auto found = der::read_with_cursor(in, [](der::Cursor& cursor) { return read_bundle(cursor); });
  if (!found) return fail(ErrorCode::bad_attribute, found.error().offset);
  if (found->count == 0) return fail(ErrorCode::not_found);
  if (found->count > 1) return fail(ErrorCode::too_many);
  const der::Element& statement = found->statement;
  if (statement.tag != der::kOctetString) return fail(ErrorCode::bad_attribute, statement.content_offset);
  const auto token = read_record(statement.content, statement.content_offset);
  if (!token) return fail(ErrorCode::bad_attribute, token.error().offset);
  return *token;
}

Result<Bytes> find_token(const csr::Request& request) noexcept {
  const Bytes value = request.find_attribute(kAttribute);
  if (value.empty()) return fail(ErrorCode::not_found);
  return read_attribute_value(value);
}

}  // namespace pedigree::evidence
