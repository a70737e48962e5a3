// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms that any number of threads move without a lock, and their text for
// Prometheus.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pedigree::observe {

inline constexpr std::size_t kShards = 8;
/// Which of a metric's cells this thread moves: threads that start one after another get different ones.
[[nodiscard]] std::size_t shard() noexcept;

/// Only grows.
class Counter {
 public:
  void add(std::uint64_t count = 1) noexcept {
    cells_[shard()].value.fetch_add(count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept;

 private:
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Cell, kShards> cells_;
};

/// Goes up and down.
class Gauge {
 public:
  void add(std::int64_t change) noexcept { value_.fetch_add(change, std::memory_order_relaxed); }
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Upper bounds of buckets in ascending order, the last one (+Inf) not among them: for seconds, and for
/// counts.
extern const std::array<double, 15> kSeconds;
extern const std::array<double, 9> kCounts;

/// Counts what was observed in buckets.
class Histogram {
 public:
  static constexpr std::size_t kMaxBounds = 15;
  /// Borrows the bounds, at most kMaxBounds.
  explicit Histogram(std::span<const double> bounds = kSeconds) noexcept : bounds_(bounds) {}
  void observe(double value) noexcept;
  struct Reading {
    std::vector<std::uint64_t> counts;  ///< of each bucket alone, the last for +Inf
    double sum = 0;
  };
  [[nodiscard]] Reading read() const;
  [[nodiscard]] std::span<const double> bounds() const noexcept { return bounds_; }

 private:
  struct alignas(64) Cell {
    std::array<std::atomic<std::uint64_t>, kMaxBounds + 1> counts{};
    std::atomic<double> sum{0};
  };
  std::span<const double> bounds_;
  std::array<Cell, kShards> cells_;
};

/// One metric for each combination of label values. What is there is found without a lock; at most kSeries
/// are made (what comes from configuration and protocols is far fewer), and what would be one more is counted
/// under "other".
template <typename Metric, std::size_t kLabels>
class Family {
 public:
  static constexpr std::size_t kSeries = 512;
  using Values = std::array<std::string_view, kLabels>;

  Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() {
    for (auto& slot : slots_) delete slot.load();
  }

  [[nodiscard]] Metric& at(const Values& values) {
    std::size_t slot = hash(values) % kSlots;
    std::unique_ptr<Entry> made;
    // kSeries is well below kSlots, so that there is always an empty one.
    for (;; slot = (slot + 1) % kSlots) {
      Entry* entry = slots_[slot].load(std::memory_order_acquire);
      if (entry == nullptr) {
        if (!made && size_.fetch_add(1) >= kSeries) return other_;
        if (!made) made = std::make_unique<Entry>(values);
        if (slots_[slot].compare_exchange_strong(entry, made.get(), std::memory_order_acq_rel)) {
          return made.release()->metric;
        }
      }
      if (entry->is(values)) return entry->metric;
    }
  }

  /// Calls `visit` with the values of each combination and its metric; the overflow's values are all "other".
  void each(const std::function<void(std::span<const std::string>, const Metric&)>& visit) const {
    for (const auto& slot : slots_) {
      const Entry* entry = slot.load(std::memory_order_acquire);
      if (entry != nullptr) visit(entry->values, entry->metric);
    }
    if (size_.load() <= kSeries) return;
    const std::vector<std::string> other(kLabels, "other");
    visit(other, other_);
  }

 private:
  static constexpr std::size_t kSlots = 2 * kSeries;
  struct Entry {
    explicit Entry(const Values& given) : values(given.begin(), given.end()) {}
    [[nodiscard]] bool is(const Values& given) const {
      for (std::size_t i = 0; i < kLabels; ++i) {
        if (values[i] != given[i]) return false;
      }
      return true;
    }
    std::vector<std::string> values;
    Metric metric;
  };
  static std::size_t hash(const Values& values) {
    std::size_t sum = 0;
    for (const std::string_view value : values) sum = sum * 31 + std::hash<std::string_view>()(value);
    return sum;
  }

  std::array<std::atomic<Entry*>, kSlots> slots_{};
  std::atomic<std::size_t> size_{0};
  Metric other_;
};

/// The text exposition format 0.0.4.
class Exposition {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
  using Labels = std::span<const std::pair<std::string_view, std::string_view>>;

  /// Begins a metric; its samples follow. `type`: counter, gauge or histogram.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value);
  void sample(double value) { sample({}, value); }
  void sample(Labels labels, const Histogram& histogram);

  void counter(std::string_view name, std::string_view help, const Counter& counter);
  void gauge(std::string_view name, std::string_view help, double value);
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram);
  template <typename Metric, std::size_t kLabels>
  void family(std::string_view name, std::string_view help,
              const std::array<std::string_view, kLabels>& labels, const Family<Metric, kLabels>& family) {
    constexpr bool kHistogram = std::is_same_v<Metric, Histogram>;
    begin(name, kHistogram ? "histogram" : "counter", help);
    family.each([&](std::span<const std::string> values, const Metric& metric) {
      std::array<std::pair<std::string_view, std::string_view>, kLabels> pairs;
      for (std::size_t i = 0; i < kLabels; ++i) pairs[i] = {labels[i], values[i]};
      if constexpr (kHistogram) {
        sample(pairs, metric);
      } else {
        sample(pairs, static_cast<double>(metric.value()));
      }
    });
  }
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  void line(std::string_view suffix, Labels labels, std::string_view bound, double value);

  std::string name_;
  std::string text_;
};

}  // namespace pedigree::observe
