// SPDX-License-Identifier: Apache-2.0
// `--ear`: the answer of `pedigree verify token` for others, signed by the verifier's key.
#pragma once

#include <string>

#include "cli/command.h"
#include "verifier/appraisal.h"

namespace pedigree::cli {

/// What the command line says of the EAR.
struct EarArguments {
  std::string form;      ///< "jwt" or "cwt"; empty: none is wanted
  std::string key_file;  ///< PEM
  std::string passphrase_file;
  std::string out = "-";
  std::uint32_t lifetime = 0;  ///< seconds; 0: it does not expire
};
/// --ear, --ear-key, --ear-out, --ear-lifetime, --ear-passphrase-file.
void add_ear_options(CLI::App& command, EarArguments& arguments);

/// What became of it.
enum class EarOutcome : std::uint8_t {
  not_asked,
  written,  ///< to a file; the report is still to be printed
  printed,  ///< in place of the report
  failed,   ///< the problem was printed and the exit code set
};
/// Signs and writes the EAR, if one is wanted. `policy`: its name.
[[nodiscard]] EarOutcome write_ear(Context& context, const EarArguments& arguments,
                                   const verifier::Appraisal& appraisal, const std::string& policy);

}  // namespace pedigree::cli
