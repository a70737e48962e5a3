// SPDX-License-Identifier: Apache-2.0
#include "cli/image_verify.h"

#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/image_files.h"
#include "cli/image_values.h"
#include "core/firmware_image/test_signers.h"
#include "core/x509/name.h"

namespace pedigree::cli {
namespace {

using image::TlvType;

constexpr std::size_t kBlock = std::size_t{1} << 18U;

/// The checks in the order in which core makes them.
enum Stage : std::uint8_t {
  structure,
  chain,
  limits,
  revocation,
  hash,
  signature,
  counter,
  statement,
  lineage,
  parent,
  kStages
};
constexpr const char* kStageNames[kStages] = {"structure", "chain",   "limits",    "revocation", "hash",
                                              "signature", "counter", "statement", "lineage",    "parent"};

/// Which check an error belongs to.
Stage stage_of(ErrorCode code, TlvType tlv) {
  switch (code) {
    case ErrorCode::signer_revoked:
      return revocation;
    case ErrorCode::image_digest_mismatch:
      return hash;
    case ErrorCode::image_key_mismatch:
      return signature;
    case ErrorCode::rolled_back:
      return counter;
    case ErrorCode::parent_signer_required:
      return parent;
    case ErrorCode::bad_tlv:
      return structure;
    default:
      break;
  }
  switch (tlv) {
    case TlvType::chain:
      return code == ErrorCode::product_refused || code == ErrorCode::version_refused ? limits : chain;
    case TlvType::statement:
      return statement;
    case TlvType::lineage:
      return lineage;
    case TlvType::security_counter:
      return counter;
    case TlvType::sha256:
    case TlvType::sha384:
    case TlvType::sha512:
      return hash;
    default:
      return tlv == TlvType{} ? structure : signature;
  }
}

std::string_view hash_name(crypto::Hash hash) {
  return hash == crypto::Hash::sha256 ? "SHA-256" : hash == crypto::Hash::sha384 ? "SHA-384" : "SHA-512";
}

class Run {
 public:
  Run(const crypto::Crypto& crypto, const image::Source& source, const ImageQuestion& question)
      : crypto_(crypto), source_(source), question_(question) {}

  ImageAnswer run() {
    image::VerifyFault unread;
    const auto read = read_view(source_, answer_.view, unread);
    answer_.is_image = read || unread.error != Error{ErrorCode::bad_image, 0};
    answer_.root = root_title();
    const auto verified = verify();
    if (verified) {
      accept(*verified);
    } else {
      refuse();
    }
    return std::move(answer_);
  }

 private:
  /// Ed25519 over an image's octets needs them all at once.
  [[nodiscard]] bool is_pure() const {
    return std::ranges::any_of(answer_.view.tlvs,
                               [](const TlvView& view) { return view.tlv.type == TlvType::sig_pure; });
  }

  Result<image::Verified> verify() {
    image::VerifyOptions options;
    options.trust = question_.trust;
    options.key = question_.key;
    options.parent_signer = question_.parent_signer;
    options.revocations = question_.revocations ? &*question_.revocations : nullptr;
    options.minimum_counter = question_.minimum_counter;
    options.check_statement = true;
    chain_.resize(image::kMaxAreaSize);
    statement_.resize(2 * image::kMaxAreaSize + 64);
    const image::VerifyBuffers buffers{chain_, statement_, block_};
    if (is_pure() && source_.mapped().empty() && source_.size() <= ImageFile::kMaxInMemory) {
      whole_.resize(source_.size());
      if (const auto read = source_.read(0, whole_); !read) {
        answer_.fault.error = read.error();
        return std::unexpected(read.error());
      }
      return image::verify_image(crypto_, image::MemorySource(whole_), options, buffers, answer_.fault);
    }
    block_.resize(kBlock);
    return image::verify_image(crypto_, source_, options, {chain_, statement_, block_}, answer_.fault);
  }

  void note(const char* result, Stage stage, std::string why) {
    answer_.checks.push_back({result, kStageNames[stage], std::move(why)});
  }

  [[nodiscard]] std::vector<Bytes> chain_view() const {
    return {answer_.view.chain.begin(), answer_.view.chain.end()};
  }

  /// The trusted root above the image's chain.
  [[nodiscard]] std::string root_title() const {
    if (answer_.view.chain.empty()) return {};
    const auto top = x509::Certificate::parse(answer_.view.chain.back());
    if (!top) return {};
    for (const x509::TrustAnchor& anchor : question_.trust.anchors) {
      if (anchor.certificate && x509::names_match(anchor.certificate->subject(), top->issuer())) {
        return title_of(*anchor.certificate);
      }
    }
    return x509::names_match(top->subject(), top->issuer()) ? title_of(*top) : std::string();
  }

  /// The image's chain with the root above it.
  [[nodiscard]] std::string whole_path() const {
    const std::vector<Bytes> views = chain_view();
    const auto top = x509::Certificate::parse(views.back());
    const bool has_root = top && x509::names_match(top->subject(), top->issuer());
    const std::string path = path_text(views);
    return has_root || answer_.root.empty() ? path : answer_.root + " > " + path;
  }

  void accept(const image::Verified& verified) {
    answer_.trusted = true;
    const std::size_t size = crypto::digest_size(verified.hash);
    answer_.digest.assign(verified.digest.begin(),
                          verified.digest.begin() + static_cast<std::ptrdiff_t>(size));
    hash_ = verified.hash;
    const bool by_chain = !question_.key;
    answer_.sentence = by_chain ? fmt::format("{}, signed by {}", image_title(), signer_title())
                                : fmt::format("{}, signed by the given key", image_title());
    for (int at = structure; at < kStages; ++at) note_held(static_cast<Stage>(at));
    note_time();
    note_revoked_parents();
    note_test_key(verified.signer.key);
  }

  /// What failed, what held before it, and what was not reached.
  void refuse() {
    const Error& error = answer_.fault.error;
    answer_.code = error.code;
    answer_.sentence = std::string(sentence(error.code));
    const Stage failed = stage_of(error.code, answer_.fault.tlv);
    for (int at = structure; at < failed; ++at) note_held(static_cast<Stage>(at));
    note("no", failed, answer_.sentence);
    for (int at = failed + 1; at < kStages; ++at) {
      const auto stage = static_cast<Stage>(at);
      if (is_asked(stage)) note("skip", stage, std::string(sentence(ErrorCode::not_checked)));
    }
  }

  [[nodiscard]] bool is_asked(Stage stage) const {
    if (question_.key) return stage == structure || stage == hash || stage == signature || stage == counter;
    return stage != parent || question_.parent_signer.has_value();
  }

  /// What there is to say of a check that held, or that was not asked for.
  void note_held(Stage stage) {
    if (!is_asked(stage)) return;
    const ImageView& view = answer_.view;
    switch (stage) {
      case structure:
        return note("ok", stage,
                    fmt::format("header, areas and {} TLVs are as MCUboot wants them", view.tlvs.size()));
      case chain:
        return note("ok", stage, whole_path());
      case limits:
        return note("ok", stage, limits_of_issuer());
      case revocation:
        if (!question_.revocations) return note("skip", stage, "no list of revoked signers was given");
        return note("ok", stage,
                    fmt::format("none of the chain is on list {} of {}", question_.revocations->number,
                                time_text(question_.revocations->issued_at)));
      case hash:
        return note("ok", stage, hash_text());
      case signature:
        return note("ok", stage, "by " + signer_title());
      case counter:
        return note_counter();
      case statement:
        if (!view.statement) return note("skip", stage, "the image has none, so nobody can build on it");
        return note("ok", stage, fmt::format("says of this image what is so, as {}", image_title()));
      case lineage:
        return note_lineage();
      default:
        return note("ok", stage, "one parent is by the signer that is required");
    }
  }

  void note_counter() {
    const auto& stated = answer_.view.security_counter;
    const std::string text = stated ? std::to_string(*stated) : std::string("none");
    if (!question_.minimum_counter)
      return note("skip", counter, "the image states " + text + ", and none was asked for");
    note("ok", counter, fmt::format("{}, and {} is wanted", text, *question_.minimum_counter));
  }

  void note_lineage() {
    const std::size_t count = answer_.view.lineage.size();
    if (count == 0) return note("skip", lineage, "the image names no parents");
    note("ok", lineage,
         fmt::format("{} statement{} about parents by trusted signers", count, count == 1 ? "" : "s"));
  }

  void note_time() {
    if (question_.key) return;
    const auto& time = question_.trust.time;
    answer_.checks.push_back(time ? ChainCheck{"ok", "time", "all are valid at " + time_text(*time)}
                                  : ChainCheck{"warn", "time", "not checked, as asked"});
  }

  void note_revoked_parents() {
    if (!question_.revocations) return;
    for (const StatementView& stated : answer_.view.lineage) {
      if (image::check_not_revoked(crypto_, *question_.revocations, stated.content.signer.chain)) continue;
      note("warn", lineage, fmt::format("the signer of {} is revoked", stated.content.statement.name));
    }
  }

  /// A development key that everybody has proves nothing.
  void note_test_key(const crypto::PublicKey& key) {
    std::array<std::uint8_t, 1024> buffer{};
    Writer writer(buffer);
    der::Builder builder(writer);
    x509::write_spki(key, builder);
    const auto digest = crypto_.sha256(writer.written());
    const auto origin = digest ? image::test_signer_origin(*digest) : std::nullopt;
    if (!origin) return;
    answer_.checks.push_back(
        {"warn", "test key", fmt::format("signed by {}, whose private half everybody has", *origin)});
  }

  [[nodiscard]] std::string hash_text() const {
    if (is_pure()) return "the signature is over the image itself";
    if (answer_.digest.empty()) return {};
    return fmt::format("{} {}", hash_name(hash_), shorten(to_hex(answer_.digest)));
  }
  [[nodiscard]] std::string limits_of_issuer() const {
    const auto& certificates = answer_.view.chain;
    const auto issuer = certificates.size() < 2 ? Result<x509::Certificate>(fail(ErrorCode::empty_chain))
                                                : x509::Certificate::parse(certificates[1]);
    return issuer ? limits_of(*issuer) : std::string();
  }
  [[nodiscard]] std::string image_title() const {
    const std::string version = version_text(answer_.view.product.version);
    const auto& own = answer_.view.statement;
    return own ? fmt::format("{} {}", own->content.statement.name, version) : "image " + version;
  }
  [[nodiscard]] std::string signer_title() const {
    if (question_.key) return std::string(crypto::name(question_.key->type));
    const auto leaf = answer_.view.chain.empty() ? Result<x509::Certificate>(fail(ErrorCode::empty_chain))
                                                 : x509::Certificate::parse(answer_.view.chain.front());
    return leaf ? fmt::format("{} ({})", title_of(*leaf), key_text(leaf->spki())) : std::string("?");
  }

  const crypto::Crypto& crypto_;
  const image::Source& source_;
  const ImageQuestion& question_;
  ImageAnswer answer_;
  crypto::Hash hash_{};
  Octets chain_, statement_, block_, whole_;
};

}  // namespace

ImageAnswer verify_image_file(const crypto::Crypto& crypto, const image::Source& source,
                              const ImageQuestion& question) {
  return Run(crypto, source, question).run();
}

}  // namespace pedigree::cli
