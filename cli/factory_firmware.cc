// SPDX-License-Identifier: Apache-2.0
#include "cli/factory_firmware.h"

#include "cli/files.h"
#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::cli {

std::expected<std::optional<sim::FactoryFirmware>, Problem> read_factory_firmware(
    const std::string& folder, const std::string& root_file) {
  if (root_file.empty()) return std::nullopt;
  const auto certificates = read_certificates(root_file);
  if (!certificates) return std::unexpected(certificates.error());
  const auto root = x509::Certificate::parse(certificates->front());
  const auto hash = root ? crypto::OpenSslCrypto().sha256(root->spki().whole)
                         : Result<Sha256>(std::unexpected(root.error()));
  if (!hash) {
    return std::unexpected(Problem{.summary = root_file + ": " + std::string(sentence(hash.error().code)),
                                   .details = {},
                                   .next = {},
                                   .note = {}});
  }
  sim::FactoryFirmware firmware{*hash, {}, {}};
  for (const auto& [name, octets] :
       {std::pair{"/secure.img", &firmware.secure}, std::pair{"/nonsecure.img", &firmware.nonsecure}}) {
    auto content = read_input(folder + name);
    if (!content) {
      Problem problem = content.error();
      problem.next =
          "--firmware takes a folder with secure.img and nonsecure.img, as `pedigree image sign` "
          "makes them";
      return std::unexpected(problem);
    }
    *octets = *std::move(content);
  }
  return firmware;
}

}  // namespace pedigree::cli
