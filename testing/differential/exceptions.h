// SPDX-License-Identifier: Apache-2.0
// The one table of where core and OpenSSL may differ, each row with its clause.
#pragma once

#include "testing/differential/openssl_path.h"

namespace pedigree::testing {

/// Why core may accept a certificate that OpenSSL complains of, or null if it may not.
[[nodiscard]] const char* core_may_accept(const Case& subject, const Complaint& complaint);
/// Why core may refuse a chain that OpenSSL accepts, or null if it may not.
[[nodiscard]] const char* core_may_refuse(const Case& subject, const x509::Verdict& core);

}  // namespace pedigree::testing
