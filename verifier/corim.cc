// SPDX-License-Identifier: Apache-2.0
// CoRIM: corim-map > CoMID > reference triples > measurements, each level one function, so that the depth is
// fixed by the schema and not by the input.
#include "verifier/corim.h"

#include <array>

#include "core/cbor/cbor.h"

namespace pedigree::verifier {
namespace {

using cbor::Major;
using Text = std::string_view;

// Tags: draft-ietf-rats-corim 14.2 (500..506, 560); 600 and 601 of the PSA profile before 2025.
constexpr std::uint64_t kTagAnyCorim = 500;
constexpr std::uint64_t kTagUnsigned = 501;
constexpr std::uint64_t kTagComid = 506;
constexpr std::uint64_t kTagBytes = 560;
constexpr std::uint64_t kTagImplementationId = 600;
constexpr std::uint64_t kTagComponentId = 601;
constexpr std::uint64_t kTagUri = 32;
constexpr std::uint64_t kTagTime = 1;

constexpr Text kProfile = "tag:arm.com,2025:psa#1.0.0";
constexpr Text kOldProfile = "http://arm.com/psa/iot/1";
constexpr Text kComponentKey = "psa.software-component";
constexpr std::size_t kMaxComponents = 100000;  // of one manifest

bool is_hash_size(std::size_t size) noexcept {
  return size == 32 || size == 48 || size == 64;
}

// A reader over what has just been read from `in` as a byte string.
Reader inside(const Reader& in, Bytes content) noexcept {
  return Reader(content, in.offset() - static_cast<std::uint32_t>(content.size()));
}

Result<bool> next_is(const Reader& in, Major major) noexcept {
  PEDIGREE_ASSIGN(const Major next, cbor::peek(in));
  return next == major;
}

Result<void> expect_tag(Reader& in, std::uint64_t tag) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t given, cbor::read_tag(in));
  if (given != tag) return fail(ErrorCode::bad_tag, offset);
  return {};
}

// A map with integer keys. `read(key, in)` reads a value, or returns false and leaves it: it is then passed
// over. Keys that are no integers belong to others.
template <typename Read>
Result<void> read_fields(Reader& in, Read read) {
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const Major major, cbor::peek(in));
    if (major != Major::uint && major != Major::nint) {
      PEDIGREE_TRY(cbor::skip(in));
      PEDIGREE_TRY(cbor::skip(in));
      continue;
    }
    PEDIGREE_ASSIGN(const std::int64_t key, cbor::read_int(in));
    PEDIGREE_ASSIGN(const bool taken, read(key, in));
    if (!taken) PEDIGREE_TRY(cbor::skip(in));
  }
  return {};
}

// [ + item ]. `read(in)` reads one.
template <typename Read>
Result<void> read_list(Reader& in, Read read) {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count == 0) return fail(ErrorCode::missing_field, offset);
  for (std::size_t i = 0; i < count; ++i) PEDIGREE_TRY(read(in));
  return {};
}

struct Parser {
  std::optional<der::UnixTime> now;
  std::vector<ReferenceImplementation> found;
  std::size_t components = 0;

  Result<Bytes> read_signer(Reader& in) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
    if (count != 1) return fail(ErrorCode::bad_value, offset);
    PEDIGREE_TRY(expect_tag(in, kTagBytes));
    PEDIGREE_ASSIGN(const Bytes signer, cbor::read_bstr(in));
    if (!is_hash_size(signer.size())) return fail(ErrorCode::bad_value, offset);
    return signer;
  }

  // version-map: the profile wants the version alone.
  Result<Text> read_version(Reader& in) {
    const std::uint32_t offset = in.offset();
    Text version;
    const auto field = [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key != 0) return fail(ErrorCode::unknown_field, value.offset());
      PEDIGREE_ASSIGN(version, cbor::read_tstr(value));
      return true;
    };
    PEDIGREE_TRY(read_fields(in, field));
    if (version.empty()) return fail(ErrorCode::missing_field, offset);
    return version;
  }

  // psa-swcomp-id of the older profile, the measurement's key: {1: type, 4: version, 5: signer}.
  Result<void> read_component_id(Reader& in, ReferenceComponent& out) {
    return read_fields(in, [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key == 1) {
        PEDIGREE_ASSIGN(out.measurement_type, cbor::read_tstr(value));
      } else if (key == 4) {
        PEDIGREE_ASSIGN(out.version, cbor::read_tstr(value));
      } else if (key == 5) {
        const std::uint32_t offset = value.offset();
        PEDIGREE_ASSIGN(const Bytes signer, cbor::read_bstr(value));
        if (!is_hash_size(signer.size())) return fail(ErrorCode::bad_value, offset);
        out.signer_id.assign(signer.begin(), signer.end());
      } else {
        return fail(ErrorCode::unknown_field, value.offset());
      }
      return true;
    });
  }

  // Whether the measurement is of a software component; what its key says goes to `out`.
  Result<bool> read_key(Reader& in, ReferenceComponent& out) {
    PEDIGREE_ASSIGN(const Major major, cbor::peek(in));
    if (major == Major::tstr) {
      PEDIGREE_ASSIGN(const Text text, cbor::read_tstr(in));
      return text == kComponentKey;
    }
    Reader ahead = in;
    if (major == Major::tag) {
      PEDIGREE_ASSIGN(const std::uint64_t tag, cbor::read_tag(ahead));
      if (tag == kTagComponentId) {
        PEDIGREE_TRY(read_component_id(ahead, out));
        in = ahead;
        return true;
      }
    }
    PEDIGREE_TRY(cbor::skip(in));
    return false;
  }

  // [algorithm, value]: the same software under several hash algorithms is several acceptable states.
  Result<void> read_digest(Reader& in, std::vector<Bytes>& out) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
    if (count != 2) return fail(ErrorCode::bad_value, offset);
    PEDIGREE_ASSIGN(const bool text, next_is(in, Major::tstr));
    if (text) {
      PEDIGREE_TRY(cbor::read_tstr(in));
    } else {
      PEDIGREE_TRY(cbor::read_int(in));
    }
    PEDIGREE_ASSIGN(const Bytes value, cbor::read_bstr(in));
    if (!is_hash_size(value.size())) return fail(ErrorCode::bad_value, offset);
    if (out.size() == 3) return fail(ErrorCode::too_many, offset);
    out.push_back(value);
    return {};
  }

  // A condition that is not known here cannot be checked, so the state is not taken without it.
  Result<void> read_values(Reader& in, ReferenceComponent& out, std::vector<Bytes>& digests) {
    return read_fields(in, [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key == 0) {
        PEDIGREE_ASSIGN(out.version, read_version(value));
      } else if (key == 2) {
        PEDIGREE_TRY(read_list(value, [&](Reader& item) { return read_digest(item, digests); }));
      } else if (key == 11) {
        PEDIGREE_ASSIGN(out.measurement_type, cbor::read_tstr(value));
      } else if (key == 13) {
        PEDIGREE_ASSIGN(const Bytes signer, read_signer(value));
        out.signer_id.assign(signer.begin(), signer.end());
      } else {
        return fail(ErrorCode::unknown_field, value.offset());
      }
      return true;
    });
  }

  Result<void> read_measurement(Reader& in, std::vector<ReferenceComponent>& out) {
    const std::uint32_t offset = in.offset();
    ReferenceComponent component;
    bool ours = false;
    std::optional<Reader> values;
    const auto field = [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key == 0) {
        PEDIGREE_ASSIGN(ours, read_key(value, component));
        return true;
      }
      if (key == 1) values = value;  // read below, when the key is known
      return false;
    };
    PEDIGREE_TRY(read_fields(in, field));
    if (!values) return fail(ErrorCode::missing_field, offset);
    if (!ours) return {};
    std::vector<Bytes> digests;
    PEDIGREE_TRY(read_values(*values, component, digests));
    if (digests.empty()) return fail(ErrorCode::missing_field, offset);
    for (const Bytes digest : digests) {
      if (++components > kMaxComponents) return fail(ErrorCode::too_many, offset);
      component.measurement_value.assign(digest.begin(), digest.end());
      out.push_back(component);
    }
    return {};
  }

  // class-map: true where it names a PSA implementation.
  Result<bool> read_class(Reader& in, ReferenceImplementation& out) {
    bool is_psa = false;
    const auto field = [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key == 0) {
        Reader ahead = value;
        PEDIGREE_ASSIGN(const std::uint64_t tag, cbor::read_tag(ahead));
        if (tag != kTagBytes && tag != kTagImplementationId) return false;
        PEDIGREE_ASSIGN(const Bytes id, cbor::read_bstr(ahead));
        if (id.size() != out.implementation_id.size()) return fail(ErrorCode::bad_value, value.offset());
        std::ranges::copy(id, out.implementation_id.begin());
        is_psa = true;
        value = ahead;
        return true;
      }
      if (key != 1 && key != 2) return false;
      PEDIGREE_ASSIGN(const Text text, cbor::read_tstr(value));
      (key == 1 ? out.vendor : out.model) = text;
      return true;
    };
    PEDIGREE_TRY(read_fields(in, field));
    return is_psa;
  }

  Result<bool> read_environment(Reader& in, ReferenceImplementation& out) {
    bool is_psa = false;
    bool narrower = false;
    const std::uint32_t offset = in.offset();
    const auto field = [&](std::int64_t key, Reader& value) -> Result<bool> {
      narrower = narrower || key != 0;
      if (key != 0) return false;
      PEDIGREE_ASSIGN(is_psa, read_class(value, out));
      return true;
    };
    PEDIGREE_TRY(read_fields(in, field));
    // Values for one instance or group must not be taken for all of the implementation.
    if (is_psa && narrower) return fail(ErrorCode::unknown_field, offset);
    return is_psa;
  }

  // reference-triple-record: [environment, [+ measurement]]; older drafts have one measurement in its place.
  Result<void> read_triple(Reader& in) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
    if (count != 2) return fail(ErrorCode::bad_value, offset);
    ReferenceImplementation implementation;
    PEDIGREE_ASSIGN(const bool is_psa, read_environment(in, implementation));
    if (!is_psa) {
      PEDIGREE_TRY(cbor::skip(in));
      return {};
    }
    const auto measurement = [&](Reader& item) { return read_measurement(item, implementation.components); };
    PEDIGREE_ASSIGN(const bool single, next_is(in, Major::map));
    if (single) {
      PEDIGREE_TRY(measurement(in));
    } else {
      PEDIGREE_TRY(read_list(in, measurement));
    }
    if (!implementation.components.empty()) found.push_back(std::move(implementation));
    return {};
  }

  Result<void> read_comid(Reader in) {
    const auto field = [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key != 4) return false;
      const auto kind_of_triple = [&](std::int64_t kind, Reader& triples) -> Result<bool> {
        if (kind != 0) return false;
        PEDIGREE_TRY(read_list(triples, [&](Reader& item) { return read_triple(item); }));
        return true;
      };
      PEDIGREE_TRY(read_fields(value, kind_of_triple));
      return true;
    };
    PEDIGREE_TRY(read_fields(in, field));
    return in.finish();
  }

  Result<void> read_tagged(Reader& in) {
    Reader ahead = in;
    PEDIGREE_ASSIGN(const std::uint64_t tag, cbor::read_tag(ahead));
    if (tag != kTagComid) {
      PEDIGREE_TRY(cbor::skip(in));
      return {};
    }
    PEDIGREE_ASSIGN(const Bytes comid, cbor::read_bstr(ahead));
    in = ahead;
    return read_comid(inside(in, comid));
  }

  // A URI, or (older) an array of one.
  Result<void> read_profile(Reader& in) {
    const std::uint32_t offset = in.offset();
    PEDIGREE_ASSIGN(const bool list, next_is(in, Major::array));
    if (list) {
      PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
      if (count != 1) return fail(ErrorCode::unsupported_version, offset);
    }
    PEDIGREE_ASSIGN(const bool tagged, next_is(in, Major::tag));
    if (tagged) {
      PEDIGREE_ASSIGN(const std::uint64_t tag, cbor::read_tag(in));
      if (tag != kTagUri) return fail(ErrorCode::unsupported_version, offset);
    }
    PEDIGREE_ASSIGN(const Text profile, cbor::read_tstr(in));
    if (profile != kProfile && profile != kOldProfile) return fail(ErrorCode::unsupported_version, offset);
    return {};
  }

  Result<void> read_corim(Reader& in) {
    const std::uint32_t offset = in.offset();
    bool has_tags = false;
    const auto field = [&](std::int64_t key, Reader& value) -> Result<bool> {
      if (key == 1) {
        has_tags = true;
        PEDIGREE_TRY(read_list(value, [&](Reader& item) { return read_tagged(item); }));
      } else if (key == 3) {
        PEDIGREE_TRY(read_profile(value));
      } else if (key == 4) {
        PEDIGREE_TRY(check_corim_validity(value, now));
      } else {
        return false;
      }
      return true;
    };
    PEDIGREE_TRY(read_fields(in, field));
    if (!has_tags || found.empty()) return fail(ErrorCode::missing_field, offset);
    return in.finish();
  }

  Result<void> parse(Reader in) {
    PEDIGREE_ASSIGN(std::uint64_t tag, cbor::read_tag(in));
    if (tag == kTagAnyCorim) {
      PEDIGREE_ASSIGN(tag, cbor::read_tag(in));
    }
    if (tag != kTagUnsigned) return fail(ErrorCode::bad_tag, 0);
    return read_corim(in);
  }
};

}  // namespace

Result<der::UnixTime> read_corim_time(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const bool tagged, next_is(in, Major::tag));
  if (tagged) PEDIGREE_TRY(expect_tag(in, kTagTime));
  return cbor::read_int(in);
}

Result<void> check_corim_validity(Reader& in, std::optional<der::UnixTime> now) noexcept {
  return read_fields(in, [&](std::int64_t key, Reader& value) -> Result<bool> {
    if (key != 0 && key != 1) return false;
    const std::uint32_t offset = value.offset();
    PEDIGREE_ASSIGN(const der::UnixTime when, read_corim_time(value));
    if (now && key == 0 && *now < when) return fail(ErrorCode::not_yet_valid, offset);
    if (now && key == 1 && *now > when) return fail(ErrorCode::expired, offset);
    return true;
  });
}

ReferenceError corim_error(const Error& error) {
  std::string what(sentence(error.code));
  if (error.code == ErrorCode::not_yet_valid) what = "the manifest is not valid yet";
  if (error.code == ErrorCode::expired) what = "the manifest has expired";
  if (error.code == ErrorCode::unsupported_version) what = "the manifest's profile is not the PSA profile";
  if (error.code == ErrorCode::unknown_field) {
    what = "the manifest makes a condition that is not understood, or speaks of single instances";
  }
  if (error.code == ErrorCode::bad_tag && error.offset == 0) what = "this is no CoRIM, or one that is signed";
  if (error.code == ErrorCode::missing_field) {
    what = "the manifest holds no reference value, or a part of it is missing";
  }
  return {error.code, error.offset, std::move(what)};
}

std::expected<void, ReferenceError> read_corim(Bytes cbor, ReferenceValues& values,
                                               std::optional<der::UnixTime> now) {
  Parser parser{.now = now, .found = {}};
  if (const auto parsed = parser.parse(Reader(cbor)); !parsed) {
    return std::unexpected(corim_error(parsed.error()));
  }
  for (ReferenceImplementation& one : parser.found) values.add(std::move(one));
  return {};
}

}  // namespace pedigree::verifier
