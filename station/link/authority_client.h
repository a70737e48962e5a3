// SPDX-License-Identifier: Apache-2.0
// What the station asks of an authority, and the client that asks over HTTPS (REST /v1, docs/formats.md).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "station/link/failure.h"
#include "station/link/link.h"

namespace pedigree::station {

struct EnrolRequest {
  std::string device;  ///< device id, 66 hex digits
  std::string profile;
  std::string issuer;  ///< empty: the authority's choice
  Sha256 nonce{};
  std::vector<std::uint8_t> csr;  ///< DER
};

struct Issued {
  std::string serial;                            ///< lower-case hex
  std::vector<std::vector<std::uint8_t>> chain;  ///< DER, leaf first, without the root
  bool reused = false;                           ///< it had been issued before
};

struct ReceiptRequest {
  std::string device;
  std::string serial;
  Sha256 nonce{};
  std::vector<std::uint8_t> receipt;  ///< COSE_Sign1
};

struct Nonce {
  Sha256 value{};
  bool evidence = false;  ///< the profile wants evidence in the request
};

/// What a secured device is to be permitted; what an operation does not have is left out.
struct GrantQuestion {
  std::string device = {};     ///< device id, 66 hex digits
  Sha256 nonce = {};           ///< of its challenge
  std::string operation = {};  ///< begin, replace, destroy, repin, decommission
  std::uint32_t slot = 0;      ///< 0: none
  std::string purpose = {};    ///< iak, idevid, tls, data
  std::string algorithm = {};  ///< P-256, P-384
  std::string root = {};       ///< repin: SHA-256 of the new root's key, hex
  std::string why = {};        ///< for the history
};

/// Calls block and may come from any number of threads. Every call may be repeated: an authority answers a
/// second time as it did the first. Failures: Side::authority with the authority's own code and sentence;
/// timeout and connection_failed where it could not be reached in the time allowed.
class AuthorityClient {
 public:
  virtual ~AuthorityClient() = default;
  /// A nonce for one device and profile, good for both the request and the receipt.
  [[nodiscard]] virtual Outcome<Nonce> nonce(const std::string& device, const std::string& profile) = 0;
  [[nodiscard]] virtual Outcome<Issued> enrol(const EnrolRequest& request) = 0;
  /// Returns the certificate's state ("active").
  [[nodiscard]] virtual Outcome<std::string> receipt(const ReceiptRequest& request) = 0;
  /// The device root's certificate, DER: a device that has none pinned takes it from its first chain.
  [[nodiscard]] virtual Outcome<std::vector<std::uint8_t>> root() = 0;
  /// The newest list of revoked firmware signers, as devices take it; empty where the authority has none.
  /// Asked once for each client.
  [[nodiscard]] virtual Outcome<std::vector<std::uint8_t>> signer_revocations() = 0;
  /// Why a certificate was revoked, a name of RFC 5280 5.3.1 ("superseded"); empty where it was not. Failures
  /// also: not_found.
  [[nodiscard]] virtual Outcome<std::string> revocation_reason(const std::string& serial) = 0;
  /// A signed grant, as devices take it; the authority has logged it.
  [[nodiscard]] virtual Outcome<std::vector<std::uint8_t>> grant(const GrantQuestion& question) = 0;
  /// Revokes every certificate of the device that is not revoked yet, for a reason of RFC 5280 5.3.1, except
  /// those for `kept` keys (hex of SHA-256 of the SPKI); their serials. An operator's. A device without any
  /// is no failure.
  [[nodiscard]] virtual Outcome<std::vector<std::string>> revoke_all(
      const std::string& device, const std::string& reason, const std::string& why,
      const std::vector<std::string>& kept) = 0;
  /// For messages: the URL.
  [[nodiscard]] virtual std::string name() const = 0;
};

struct AuthorityOptions {
  std::string url;               ///< https://host:port
  std::string ca_file;           ///< PEM: whom to trust as the authority's server
  std::string certificate_file;  ///< PEM: the station's
  std::string key_file;          ///< PEM
  unsigned connections = 8;      ///< kept open at most
  std::chrono::milliseconds request_timeout = std::chrono::seconds(15);
  /// How long an unreachable authority is tried again, with growing pauses.
  std::chrono::milliseconds give_up = std::chrono::seconds(60);
  /// Called on a calling thread with a sentence when the authority cannot be reached; however many callers
  /// wait, once in five seconds at most.
  std::function<void(const std::string&)> notice;
};

/// Reads the files; connects with the first call. TLS 1.3 only. Failures: bad_value (URL), io_failure
/// (files).
[[nodiscard]] Outcome<std::unique_ptr<AuthorityClient>> open_authority(Loop& loop,
                                                                       const AuthorityOptions& options);

}  // namespace pedigree::station
