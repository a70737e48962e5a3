// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/spm.h"

#include <arm_cmse.h>

#include <atomic>

#include "device/ports/mps2/secure/attestation.h"
#include "device/ports/mps2/secure/gateway.h"
#include "device/ports/mps2/secure/world.h"
#include "device/update/service.h"

namespace pedigree::mps2 {
namespace {

constexpr std::size_t kMaxInput = 2048;
constexpr std::size_t kMaxOutput = 2048;
/// Who comes through the gateway: there is one client on the non-secure side.
constexpr std::int32_t kNonSecureClient = -1;

/// One call with copies of all that the caller could still change. There is one at a time: the non-secure
/// side can interrupt a call, but not start another (`busy`).
class CopiedMessage final : public device::Message {
 public:
  /// Copies vectors and input. False where any of it is not the caller's own memory, wraps around, overlaps
  /// what is written, or does not fit.
  [[nodiscard]] bool take(std::uint32_t control, const psa_invec* in, const psa_outvec* out) noexcept;
  /// Hands the output to the caller, into memory that take() has checked.
  void deliver(psa_outvec* out) const noexcept;
  void clear() noexcept;

  [[nodiscard]] std::int32_t type() const noexcept override { return type_; }
  [[nodiscard]] std::int32_t client() const noexcept override { return kNonSecureClient; }
  [[nodiscard]] std::size_t in_size(unsigned index) const noexcept override {
    return index < in_count_ ? in_[index].len : 0;
  }
  [[nodiscard]] std::size_t out_size(unsigned index) const noexcept override {
    return index < out_count_ ? out_[index].len : 0;
  }
  std::size_t read(unsigned index, MutableBytes out) noexcept override {
    const std::size_t size = std::min(in_size(index), out.size());
    std::copy_n(input_.data() + in_start_[index], size, out.begin());
    return size;
  }
  void write(unsigned index, Bytes data) noexcept override {
    std::ranges::copy(data, output_.data() + out_start_[index] + written_[index]);
    written_[index] += data.size();
  }

 private:
  [[nodiscard]] bool take_input() noexcept;
  [[nodiscard]] bool take_output() noexcept;

  std::int32_t type_ = 0;
  std::size_t in_count_ = 0;
  std::size_t out_count_ = 0;
  std::array<psa_invec, PSA_MAX_IOVEC> in_{};
  std::array<psa_outvec, PSA_MAX_IOVEC> out_{};
  std::array<std::size_t, PSA_MAX_IOVEC> in_start_{};
  std::array<std::size_t, PSA_MAX_IOVEC> out_start_{};
  std::array<std::size_t, PSA_MAX_IOVEC> written_{};
  // Not members of the one message there is: with it, their zeros would stand in flash as initial values.
  constinit static inline std::array<std::uint8_t, kMaxInput> input_{};
  constinit static inline std::array<std::uint8_t, kMaxOutput> output_{};
};

/// Whether the whole range is memory that the non-secure side itself may read or write.
bool callers(const void* base, std::size_t size, int access) noexcept {
  if (size == 0) return true;
  return cmse_check_address_range(const_cast<void*>(base), size, CMSE_NONSECURE | access) != nullptr;
}

bool is_aligned(const void* vectors) noexcept {
  return reinterpret_cast<std::uintptr_t>(vectors) % alignof(psa_invec) == 0;
}

bool overlap(const void* a, std::size_t a_size, const void* b, std::size_t b_size) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(a);
  const auto second = reinterpret_cast<std::uintptr_t>(b);
  return a_size > 0 && b_size > 0 && first < second + b_size && second < first + a_size;
}

bool CopiedMessage::take(std::uint32_t control, const psa_invec* in, const psa_outvec* out) noexcept {
  type_ = static_cast<std::int16_t>(control & 0xffffU);
  in_count_ = (control >> 16U) & 0xffU;
  out_count_ = control >> 24U;
  if (in_count_ + out_count_ > PSA_MAX_IOVEC || !is_aligned(in) || !is_aligned(out)) return false;
  if (!callers(in, in_count_ * sizeof *in, CMSE_MPU_READ)) return false;
  if (!callers(out, out_count_ * sizeof *out, CMSE_MPU_READWRITE)) return false;
  std::copy_n(in, in_count_, in_.begin());
  std::copy_n(out, out_count_, out_.begin());
  written_ = {};
  return take_output() && take_input();
}

bool CopiedMessage::take_output() noexcept {
  std::size_t used = 0;
  for (std::size_t i = 0; i < out_count_; ++i) {
    if (!callers(out_[i].base, out_[i].len, CMSE_MPU_READWRITE)) return false;
    for (std::size_t other = 0; other < i; ++other) {
      if (overlap(out_[i].base, out_[i].len, out_[other].base, out_[other].len)) return false;
    }
    // The service sees no more room than there is here; the caller's own may be larger.
    out_[i].len = std::min(out_[i].len, kMaxOutput - used);
    out_start_[i] = used;
    used += out_[i].len;
  }
  return true;
}

bool CopiedMessage::take_input() noexcept {
  std::size_t used = 0;
  for (std::size_t i = 0; i < in_count_; ++i) {
    if (!callers(in_[i].base, in_[i].len, CMSE_MPU_READ) || in_[i].len > kMaxInput - used) return false;
    for (std::size_t other = 0; other < out_count_; ++other) {
      if (overlap(in_[i].base, in_[i].len, out_[other].base, out_[other].len)) return false;
    }
    std::copy_n(static_cast<const std::uint8_t*>(in_[i].base), in_[i].len, input_.data() + used);
    in_start_[i] = used;
    used += in_[i].len;
  }
  return true;
}

void CopiedMessage::deliver(psa_outvec* out) const noexcept {
  for (std::size_t i = 0; i < out_count_; ++i) {
    std::copy_n(output_.data() + out_start_[i], written_[i], static_cast<std::uint8_t*>(out_[i].base));
    out[i].len = written_[i];
  }
}

void CopiedMessage::clear() noexcept {
  wipe(input_);
  wipe(output_);
}

constinit device::Service* offered = nullptr;
constinit update::Updater* offered_updater = nullptr;
constinit CopiedMessage message;
constinit std::atomic<bool> busy{false};

std::int32_t serve(CopiedMessage& taken) noexcept {
  if (update::is_update_call(taken.type())) return update::serve(*offered_updater, taken);
  return offered->call(taken);
}

}  // namespace

void offer_service(device::Service& service, update::Updater& updater) noexcept {
  offered = &service;
  offered_updater = &updater;
}

}  // namespace pedigree::mps2

using namespace pedigree::mps2;

extern "C" {

[[gnu::cmse_nonsecure_entry, gnu::used]] psa_status_t pedigree_gateway_call(psa_handle_t handle,
                                                                            std::uint32_t control,
                                                                            const psa_invec* in_vec,
                                                                            psa_outvec* out_vec) {
  const bool attests = handle == PEDIGREE_ATTESTATION_HANDLE;
  if ((handle != PEDIGREE_SERVICE_HANDLE && !attests) || offered == nullptr)
    return PSA_ERROR_CONNECTION_REFUSED;
  if (busy.exchange(true)) return PSA_ERROR_CONNECTION_BUSY;
  psa_status_t status = PSA_ERROR_PROGRAMMER_ERROR;
  if (message.take(control, in_vec, out_vec)) {
    status = attests ? serve_attestation(message) : serve(message);
    if (status == 0) message.deliver(out_vec);
  }
  message.clear();
  busy = false;
  return status;
}

[[gnu::cmse_nonsecure_entry, gnu::used]] void pedigree_gateway_reset(void) {
  reset_device();
}

}  // extern "C"
