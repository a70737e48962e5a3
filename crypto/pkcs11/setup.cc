// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11/setup.h"

#include <algorithm>

#include "crypto/pkcs11/pool.h"

namespace pedigree::pkcs11 {
namespace {

constexpr std::chrono::milliseconds kPatience{10000};
constexpr std::size_t kLabelSize = 32;

/// A session that may write, closed at its end.
class WritingSession {
 public:
  static Result<WritingSession> open(CK_FUNCTION_LIST* library, CK_SLOT_ID slot) {
    WritingSession opened;
    opened.session_.library = library;
    const CK_RV done = library->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                              &opened.session_.handle);
    if (done != CKR_OK) {
      opened.session_.library = nullptr;
      return fail(ErrorCode::crypto_failure);
    }
    return opened;
  }
  WritingSession(WritingSession&& other) noexcept : session_(std::exchange(other.session_, {})) {}
  WritingSession(const WritingSession&) = delete;
  WritingSession& operator=(const WritingSession&) = delete;
  WritingSession& operator=(WritingSession&&) = delete;
  ~WritingSession() {
    if (session_.library != nullptr) (void)session_.library->C_CloseSession(session_.handle);
  }
  [[nodiscard]] const Session& get() const noexcept { return session_; }

 private:
  WritingSession() = default;
  Session session_;
};

CK_UTF8CHAR* text(std::string& value) {
  return reinterpret_cast<CK_UTF8CHAR*>(value.data());
}

Result<CK_SLOT_ID> empty_slot(CK_FUNCTION_LIST* library) {
  std::array<CK_SLOT_ID, 256> slots{};
  CK_ULONG count = slots.size();
  if (library->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return fail(ErrorCode::key_not_found);
  for (const CK_SLOT_ID slot : std::span(slots).first(std::min<std::size_t>(count, slots.size()))) {
    CK_TOKEN_INFO info{};
    if (library->C_GetTokenInfo(slot, &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) == 0)
      return slot;
  }
  return fail(ErrorCode::key_not_found);
}

}  // namespace

Result<void> init_token(const std::string& module_path, std::string_view label, std::string_view so_pin,
                        std::string_view pin) {
  if (label.empty() || label.size() > kLabelSize) return fail(ErrorCode::bad_value);
  PEDIGREE_ASSIGN(const auto module, Module::load(module_path));
  PEDIGREE_ASSIGN(const auto use, module->use(kPatience));
  if (!use.is_started()) return fail(ErrorCode::io_failure);
  std::string padded(label);
  padded.resize(kLabelSize, ' ');
  PEDIGREE_ASSIGN(const Uri named, Uri::parse("pkcs11:token=" + escape(label)));
  const auto known = find_token(use.libraries(), named);
  if (known || known.error().code == ErrorCode::too_many) return fail(ErrorCode::duplicate_key);
  CK_FUNCTION_LIST* const library = use.libraries().front();
  PEDIGREE_ASSIGN(const CK_SLOT_ID slot, empty_slot(library));
  std::string officer(so_pin);
  std::string user(pin);
  bool made = library->C_InitToken(slot, text(officer), officer.size(), text(padded)) == CKR_OK;
  // A token may have another slot once it has content.
  const auto found = made ? find_token(use.libraries(), named) : Result<Slot>(fail(ErrorCode::key_not_found));
  if (found) {
    const auto session = WritingSession::open(found->library, found->id);
    made = session &&
           library->C_Login(session->get().handle, CKU_SO, text(officer), officer.size()) == CKR_OK &&
           library->C_InitPIN(session->get().handle, text(user), user.size()) == CKR_OK &&
           library->C_Logout(session->get().handle) == CKR_OK;
  }
  wipe({reinterpret_cast<std::uint8_t*>(officer.data()), officer.size()});
  wipe({reinterpret_cast<std::uint8_t*>(user.data()), user.size()});
  return found && made ? Result<void>() : fail(ErrorCode::crypto_failure);
}

Result<void> generate_key(const Uri& uri, std::string_view pin, crypto::KeyType type) {
  const std::string label = uri.label();
  if (label.empty()) return fail(ErrorCode::bad_value);
  PEDIGREE_ASSIGN(const auto token, Token::get(uri, pin, {}));
  PEDIGREE_ASSIGN(const auto lease, token->lease());
  PEDIGREE_ASSIGN(const auto writing, WritingSession::open(lease.slot().library, lease.slot().id));
  const auto known = find_private_key(writing.get(), uri);
  if (known) return fail(ErrorCode::duplicate_key);
  return generate_pair(writing.get(), type, label);
}

}  // namespace pedigree::pkcs11
