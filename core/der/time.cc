// SPDX-License-Identifier: Apache-2.0
#include "core/der/cursor.h"

namespace pedigree::der {
namespace {

constexpr std::int32_t kDaysInEra = 146097;     // 400 Gregorian years
constexpr std::int32_t kEpochFromEra = 719468;  // days from 0000-03-01 to 1970-01-01
constexpr std::int64_t kSecondsInDay = 86400;
constexpr UnixTime kYearZero = -62167219200;   // 0000-01-01T00:00:00Z
constexpr std::uint32_t kFirstUtcYear = 1950;  // UTCTime says 50..49 for 1950..2049
constexpr std::uint32_t kLastUtcYear = 2049;

struct Civil {
  std::int32_t year, month, day;
};

// The day before the month's first. Years start in March here, so that the leap day is a year's last. Month
// 13 is the next year's first.
std::int32_t days_before(std::uint32_t year, std::uint32_t month) noexcept {
  year += month <= 2 ? 399 : 400;
  const std::uint32_t before_month = (153 * ((month + 9) % 12) + 2) / 5;
  const std::uint32_t days = year * 365 + year / 4 - year / 100 + year / 400 + before_month;
  return static_cast<std::int32_t>(days) - kDaysInEra - kEpochFromEra - 1;
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

// YYMMDDHHMMSSZ, or with a year of four digits. `utc_years`: GeneralizedTime may say what UTCTime can.
bool parse_time(Tag tag, Bytes text, bool utc_years, UnixTime& time) noexcept {
  static constexpr std::uint8_t kLargest[] = {99, 99, 12, 31, 23, 59, 59};
  const bool generalized = tag == kGeneralizedTime;
  if (!generalized && tag != kUtcTime) return false;
  if (text.size() != (generalized ? 15 : 13) || text.back() != 'Z') return false;
  std::array<std::uint32_t, 7> values;  // century, year in it, month, day, hour, minute, second
  const std::uint8_t* next = text.data();
  for (std::size_t i = generalized ? 0 : 1; i < values.size(); ++i) {
    const std::uint32_t tens = *next++ - std::uint32_t{'0'};
    const std::uint32_t ones = *next++ - std::uint32_t{'0'};
    values[i] = 10 * tens + ones;
    if (tens > 9 || ones > 9 || values[i] > kLargest[i]) return false;
  }
  if (!generalized) values[0] = values[1] < 50 ? 20 : 19;
  const auto [century, year_of_century, month, day, hour, minute, second] = values;
  const std::uint32_t year = 100 * century + year_of_century;
  if (generalized && !utc_years && year >= kFirstUtcYear && year <= kLastUtcYear) return false;
  const std::int32_t days = days_before(year, month) + static_cast<std::int32_t>(day);
  if (month == 0 || day == 0 || days > days_before(year, month + 1)) return false;
  time = days * kSecondsInDay + static_cast<std::int32_t>((hour * 60 + minute) * 60 + second);
  return true;
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

UnixTime Cursor::time_of_last(bool utc_years) noexcept {
  UnixTime time = 0;
  require(parse_time(tag(), content(), utc_years, time), ErrorCode::bad_time, start_);
  return time;
}

UnixTime Cursor::time() noexcept {
  any();
  return time_of_last(false);
}

UnixTime Cursor::generalized_time() noexcept {
  read(kGeneralizedTime);
  return time_of_last(true);
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
  const auto year = static_cast<std::uint32_t>(date.year);
  const bool utc = year >= kFirstUtcYear && year <= kLastUtcYear;
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
