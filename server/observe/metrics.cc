// SPDX-License-Identifier: Apache-2.0
#include "server/observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace pedigree::observe {
namespace {

std::string escape(std::string_view text, bool is_label) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    if (c == '\n') out += "\\n";
    if (c == '"' && is_label) out += '\\';
    if (c != '\\' && c != '\n') out += c;
  }
  return out;
}

}  // namespace

const std::array<double, 15> kSeconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,     0.25,   0.5,   1,      2.5,   10};
const std::array<double, 9> kCounts{1, 2, 4, 8, 16, 32, 64, 128, 256};

std::size_t shard() noexcept {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t own = threads.fetch_add(1, std::memory_order_relaxed) % kShards;
  return own;
}

std::uint64_t Counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

void Histogram::observe(double value) noexcept {
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  Cell& cell = cells_[shard()];
  cell.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  cell.sum.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
  Reading reading;
  reading.counts.resize(bounds_.size() + 1);
  for (const Cell& cell : cells_) {
    for (std::size_t i = 0; i < reading.counts.size(); ++i) {
      reading.counts[i] += cell.counts[i].load(std::memory_order_relaxed);
    }
    reading.sum += cell.sum.load(std::memory_order_relaxed);
  }
  return reading;
}

void Exposition::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape(help, false), name, type);
}

void Exposition::line(std::string_view suffix, Labels labels, std::string_view bound, double value) {
  text_ += name_;
  text_ += suffix;
  if (!labels.empty() || !bound.empty()) {
    char before = '{';
    for (const auto& [label, text] : labels) {
      text_ += fmt::format("{}{}=\"{}\"", before, label, escape(text, true));
      before = ',';
    }
    if (!bound.empty()) text_ += fmt::format("{}le=\"{}\"", before, bound);
    text_ += '}';
  }
  text_ += fmt::format(" {}\n", value);
}

void Exposition::sample(Labels labels, double value) {
  line("", labels, "", value);
}

void Exposition::sample(Labels labels, const Histogram& histogram) {
  const Histogram::Reading reading = histogram.read();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < reading.counts.size(); ++i) {
    below += reading.counts[i];
    const bool is_last = i == histogram.bounds().size();
    line("_bucket", labels, is_last ? "+Inf" : fmt::format("{}", histogram.bounds()[i]),
         static_cast<double>(below));
  }
  line("_sum", labels, "", reading.sum);
  line("_count", labels, "", static_cast<double>(below));
}

void Exposition::counter(std::string_view name, std::string_view help, const Counter& counter) {
  begin(name, "counter", help);
  sample(static_cast<double>(counter.value()));
}

void Exposition::gauge(std::string_view name, std::string_view help, double value) {
  begin(name, "gauge", help);
  sample(value);
}

void Exposition::histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
  begin(name, "histogram", help);
  sample({}, histogram);
}

}  // namespace pedigree::observe
