// SPDX-License-Identifier: Apache-2.0
// An authority that speaks CMP, openssl cmp as its client, and messages that no client would send.
#pragma once

#include <optional>

#include "testing/authority/configured.h"

namespace pedigree::testing {

class CmpTest : public ProtocolTest {
 protected:
  static constexpr const char* kUuid = "56d38f73-3f6f-4a59-86bc-d315a1ccc634";
  static constexpr const char* kOtherUuid = "66d38f73-3f6f-4a59-86bc-d315a1ccc634";

  /// As of ServedAuthority.
  explicit CmpTest(const std::string& database_url = {}, const std::string& token = {})
      : ProtocolTest(database_url, token) {
    serve_with(authority_, {{"cmp", "true"}});
  }

  /// The options that name the signer: one of the authority's clients ("station"), or NAME.crt and NAME.key.
  static std::string by(const std::string& who);
  /// Runs openssl cmp with the signer of `who`; what it says ends with "exit 0" or "exit 1".
  std::string cmp(const std::string& who, const std::string& arguments, const std::string& path = "");
  /// The same at another address, "https://HOST:PORT", with all options but those of trust and signer.
  std::string cmp_at(const std::string& url, const std::string& who, const std::string& options);
  /// Writes a request as NAME.msg, and sends nothing.
  void write_request(const std::string& name, const std::string& who, const std::string& arguments);
  /// Posts NAME.msg; the answer is in NAME.rsp. Gives the HTTP status.
  std::string post(const std::string& name, const std::string& path = "");
  void make_key(const std::string& name) {
    ok("openssl ecparam -name prime256v1 -genkey -noout -out " + name + ".key");
  }
  /// A device's key, and a certificate that a station had issued for it: NAME.key and NAME.crt.
  void enrol(const std::string& name, const std::string& uuid, const std::string& profile = "");
  /// Puts this certificate (PEM) first into the extraCerts of NAME.msg, which no protection covers.
  void show_first(const std::string& name, const std::string& certificate);
  /// What a client says of a certificate that it got.
  struct Confirmation {
    std::optional<Octets> hash;  ///< of the certificate; empty: no CertStatus at all
    bool other_nonce = false;    ///< recipNonce is not the answer's senderNonce
    std::string signer = "station";
  };
  /// Writes NAME.msg: the certConf to NAME.rsp, which answers the p10cr in REQUEST.msg.
  void write_confirmation(const std::string& name, const std::string& request, const Confirmation& said);
  /// Gives NAME.msg, which is the station's, another messageTime, or none, and signs it again.
  void date(const std::string& name, std::optional<der::UnixTime> time);
  /// The bit of PKIFailureInfo in NAME.rsp, an error message, and its text after a space; "none" for others.
  [[nodiscard]] std::string failure(const std::string& name) const;

  [[nodiscard]] Octets message(const std::string& name) const { return read_file(folder_ / name); }
  /// The number of the CHOICE in NAME.rsp.
  [[nodiscard]] unsigned body(const std::string& name) const;
  std::string certificates() { return authority_.sql("SELECT count(*) FROM certificate"); }

 private:
  /// Writes NAME.msg from the ProtectedPart in NAME.part.
  void protect(const std::string& name, Bytes signature, Bytes certificate);
};

}  // namespace pedigree::testing
