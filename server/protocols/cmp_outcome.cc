// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_outcome.h"

#include <array>

#include "core/der/der.h"

namespace pedigree::protocols {
namespace {

constexpr std::string_view kNone = "none";
constexpr std::string_view kOther = "other";

// PKIFailureInfo (RFC 4210 5.2.3): names by bit.
constexpr std::array<std::string_view, 27> kFailures{
    "badAlg",           "badMessageCheck",     "badRequest",          "badTime",           "badCertId",
    "badDataFormat",    "wrongAuthority",      "incorrectData",       "missingTimeStamp",  "badPOP",
    "certRevoked",      "certConfirmed",       "wrongIntegrity",      "badRecipientNonce", "timeNotAvailable",
    "unacceptedPolicy", "unacceptedExtension", "addInfoNotAvailable", "badSenderNonce",    "badCertTemplate",
    "signerNotTrusted", "transactionIdInUse",  "unsupportedVersion",  "notAuthorized",     "systemUnavail",
    "systemFailure",    "duplicateCertReq",
};

/// Numbers of the PKIBody CHOICE (RFC 4210 5.1.2).
std::string_view body_name(unsigned number) noexcept {
  switch (number) {
    case 1:
      return "ip";
    case 3:
      return "cp";
    case 8:
      return "kup";
    case 12:
      return "rp";
    case 19:
      return "pkiconf";
    case 22:
      return "genp";
    case 23:
      return "error";
    default:
      return kOther;
  }
}

std::string_view first_failure(Bytes bits) noexcept {
  for (std::size_t bit = 0; bit < kFailures.size() && bit / 8 + 1 < bits.size(); ++bit) {
    if ((bits[1 + bit / 8] & (0x80U >> bit % 8U)) != 0) return kFailures[bit];
  }
  return bits.size() > 1 ? kOther : kNone;
}

/// PKIStatusInfo.
Result<void> read_status(Reader& in, CmpOutcome& outcome) noexcept {
  PEDIGREE_ASSIGN(const der::Element info, der::read(in, der::kSequence));
  Reader fields = info.reader();
  PEDIGREE_ASSIGN(const std::uint32_t status, der::read_u32(fields));
  if (status <= 1) outcome.status = "accepted";
  if (status == 2) outcome.status = "rejection";
  if (der::next_is(fields, der::kSequence)) PEDIGREE_TRY(der::read_any(fields));  // PKIFreeText
  if (der::next_is(fields, der::kBitString)) {
    PEDIGREE_ASSIGN(const der::Element bits, der::read_any(fields));
    outcome.failure = first_failure(bits.content);
  }
  return {};
}

/// Goes inside the next SEQUENCE.
Result<Reader> inside(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const der::Element list, der::read(in, der::kSequence));
  return list.reader();
}

Result<void> read_body(unsigned number, Reader content, CmpOutcome& outcome) noexcept {
  switch (number) {
    case 1:
    case 3:
    case 8: {  // CertRepMessage: of its first CertResponse
      PEDIGREE_ASSIGN(Reader message, inside(content));
      if (der::next_is(message, der::context_constructed(1))) PEDIGREE_TRY(der::read_any(message));  // caPubs
      PEDIGREE_ASSIGN(Reader responses, inside(message));
      PEDIGREE_ASSIGN(Reader response, inside(responses));
      PEDIGREE_TRY(der::read(response, der::kInteger));
      return read_status(response, outcome);
    }
    case 12: {  // RevRepContent
      PEDIGREE_ASSIGN(Reader message, inside(content));
      PEDIGREE_ASSIGN(Reader states, inside(message));
      return read_status(states, outcome);
    }
    case 23: {  // ErrorMsgContent
      PEDIGREE_ASSIGN(Reader message, inside(content));
      return read_status(message, outcome);
    }
    default:
      outcome.status = "accepted";
      return {};
  }
}

Result<void> read(Bytes message, CmpOutcome& outcome) noexcept {
  Reader whole(message);
  PEDIGREE_ASSIGN(Reader in, inside(whole));
  PEDIGREE_TRY(der::read(in, der::kSequence));  // PKIHeader
  PEDIGREE_ASSIGN(const der::Element body, der::read_any(in));
  const unsigned number = body.tag & 0x1fU;
  if (body.tag != der::context_constructed(number)) return {};
  outcome.body = body_name(number);
  return outcome.body == kOther ? Result<void>() : read_body(number, body.reader(), outcome);
}

}  // namespace

CmpOutcome read_cmp_outcome(Bytes message) noexcept {
  CmpOutcome outcome{kOther, kOther, kNone};
  (void)read(message, outcome);
  return outcome;
}

}  // namespace pedigree::protocols
