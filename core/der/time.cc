// SPDX-License-Identifier: Apache-2.0
#include "core/der/cursor.h"

namespace pedigree::der {
namespace {

constexpr std::int32_t kDaysInEra = 146097;     // 400 Gregorian years
constexpr std::int32_t kEpochFromEra = 719468;  // days from 0000-03-01 to 1970-01-01
constexpr std::int64_t kSecondsInDay = 86400;
constexpr UnixTime kYearZero = -62167219200;  // 0000-01-01T00:00:00Z
constexpr std::int32_t kFirstUtcYear = 1950;  // UTCTime says 50..49 for 1950..2049
constexpr std::int32_t kLastUtcYear = 2049;

struct Civil {
  std::int32_t year, month, day;
};

// Years start in March here, so that the leap day is a year's last. `year` >= 0.
std::int32_t days_from_civil(const Civil& date) noexcept {
  const std::int32_t year = date.year - (date.month <= 2 ? 1 : 0) + 400;
  const std::int32_t month = (date.month + 9) % 12;
  const std::int32_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - kDaysInEra - kEpochFromEra;
}

Civil civil_from_days(std::int32_t days) noexcept {
  const std::int32_t shifted = days + kEpochFromEra + kDaysInEra;
  const std::int32_t era = shifted / kDaysInEra;
  const std::int32_t day_of_era = shifted % kDaysInEra;
  const std::int32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int32_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int32_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int32_t year = year_of_era + era * 400 - 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

std::int32_t days_in_month(std::int32_t year, std::int32_t month) noexcept {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// Two decimal digits, or -1.
std::int32_t two_digits(const std::uint8_t* text) noexcept {
  const std::uint32_t tens = text[0] - std::uint32_t{'0'};
  const std::uint32_t ones = text[1] - std::uint32_t{'0'};
  return tens > 9 || ones > 9 ? -1 : static_cast<std::int32_t>(10 * tens + ones);
}

// MMDDHHMMSSZ in `year`; empty if that is no time.
std::optional<UnixTime> parse_after_year(std::int32_t year, const std::uint8_t* text) noexcept {
  struct Limits {
    std::uint8_t smallest, largest;
  };
  constexpr std::array<Limits, 5> kLimits{{{1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 59}}};
  std::array<std::int32_t, 5> values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = two_digits(text + 2 * i);
    if (values[i] < kLimits[i].smallest || values[i] > kLimits[i].largest) return {};
  }
  const auto [month, day, hour, minute, second] = values;
  if (day > days_in_month(year, month)) return {};
  if (text[10] != 'Z') return {};
  const std::int32_t in_day = hour * 3600 + minute * 60 + second;
  return days_from_civil({year, month, day}) * kSecondsInDay + in_day;
}

std::optional<UnixTime> parse_utc(Bytes text) noexcept {
  if (text.size() != 13) return {};
  const std::int32_t year = two_digits(text.data());
  if (year < 0) return {};
  return parse_after_year(year < 50 ? 2000 + year : 1900 + year, text.data() + 2);
}

std::optional<UnixTime> parse_generalized(Bytes text, bool utc_years) noexcept {
  if (text.size() != 15) return {};
  const std::int32_t century = two_digits(text.data());
  const std::int32_t within = two_digits(text.data() + 2);
  const std::int32_t year = 100 * century + within;
  if (century < 0 || within < 0) return {};
  if (!utc_years && year >= kFirstUtcYear && year <= kLastUtcYear) return {};
  return parse_after_year(year, text.data() + 4);
}

void write_two_digits(Writer& out, std::int32_t value) noexcept {
  out.u8(static_cast<std::uint8_t>('0' + value / 10));
  out.u8(static_cast<std::uint8_t>('0' + value % 10));
}

struct DateTime {
  Civil date;
  std::int32_t seconds;  ///< since midnight
};

DateTime split(UnixTime when) noexcept {
  // From the year 0, so that the division rounds down before 1970 too.
  const UnixTime since_year_zero = std::clamp(when, kYearZero, kNoWellDefinedExpiration) - kYearZero;
  const auto days = static_cast<std::int32_t>(since_year_zero / kSecondsInDay + kYearZero / kSecondsInDay);
  return {civil_from_days(days), static_cast<std::int32_t>(since_year_zero % kSecondsInDay)};
}

}  // namespace

UnixTime Cursor::time() noexcept {
  const std::uint32_t offset = in_.offset();
  const Element element = any();
  std::optional<UnixTime> time;
  if (element.tag == kUtcTime) time = parse_utc(element.content);
  if (element.tag == kGeneralizedTime) time = parse_generalized(element.content, false);
  if (time) return *time;
  fail(ErrorCode::bad_time, offset);
  return 0;
}

UnixTime Cursor::generalized_time() noexcept {
  const std::uint32_t offset = in_.offset();
  const auto time = parse_generalized(read(kGeneralizedTime).content, true);
  require(time.has_value(), ErrorCode::bad_time, offset);
  return time.value_or(0);
}

void print_time(UnixTime when, Writer& out) noexcept {
  const DateTime time = split(when);
  write_two_digits(out, time.date.year / 100);
  write_two_digits(out, time.date.year % 100);
  out.u8('-');
  write_two_digits(out, time.date.month);
  out.u8('-');
  write_two_digits(out, time.date.day);
  out.u8('T');
  write_two_digits(out, time.seconds / 3600);
  out.u8(':');
  write_two_digits(out, time.seconds / 60 % 60);
  out.u8(':');
  write_two_digits(out, time.seconds % 60);
  out.u8('Z');
}

void Builder::time(UnixTime when) noexcept {
  const auto [date, seconds] = split(when);
  const bool utc = date.year >= kFirstUtcYear && date.year <= kLastUtcYear;
  const std::size_t opened = open(utc ? kUtcTime : kGeneralizedTime);
  if (!utc) write_two_digits(out_, date.year / 100);
  write_two_digits(out_, date.year % 100);
  write_two_digits(out_, date.month);
  write_two_digits(out_, date.day);
  write_two_digits(out_, seconds / 3600);
  write_two_digits(out_, seconds / 60 % 60);
  write_two_digits(out_, seconds % 60);
  out_.u8('Z');
  close(opened);
}

}  // namespace pedigree::der
