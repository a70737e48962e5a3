// SPDX-License-Identifier: Apache-2.0
// A JSON value as CBOR: what is answered to who asked in CBOR.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace pedigree::http {

/// The same data (RFC 8949 6.2): objects as maps with text keys in their order, whole numbers as integers,
/// others as 64-bit floating point.
[[nodiscard]] std::string to_cbor(const boost::json::value& value);

}  // namespace pedigree::http
