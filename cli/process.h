// SPDX-License-Identifier: Apache-2.0
// What the process asks of the system before it touches a secret.
#pragma once

namespace pedigree::cli {

/// No core dumps and no debugger (keys and passphrases stay in memory only), and no SIGPIPE: a peer that
/// closes its socket is an error where it is written to. print() ends the program when stdout has no reader.
void protect_process();

}  // namespace pedigree::cli
