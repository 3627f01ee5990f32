#include "engine/lowercase.h"

#include <algorithm>
#include <cstdint>

#include "engine/lowercase_table.h"

namespace lmdm {
namespace {

constexpr char32_t capital_sigma = 0x3A3, small_sigma = 0x3C3, final_sigma = 0x3C2;
constexpr char32_t dotted_capital_i = 0x130, combining_dot = 0x307;

char32_t lower(char32_t code) {
  const auto after = std::upper_bound(lowercase_runs.begin(), lowercase_runs.end(), code,
                                      [](char32_t value, const LowercaseRun& run) { return value < run.first; });
  if (after == lowercase_runs.begin()) {
    return code;
  }
  const LowercaseRun& run = *(after - 1);
  if (code > run.last || (code - run.first) % run.stride != 0) {
    return code;
  }
  return static_cast<char32_t>(static_cast<std::int64_t>(code) + run.shift);
}

// The letters that Unicode calls cased and the marks that it calls case-ignorable, as far as words with a sigma have them.
bool is_cased(char32_t code) {
  const auto is_target = [code](const LowercaseRun& run) {
    const auto from = static_cast<std::int64_t>(code) - run.shift;
    return from >= run.first && from <= run.last && (from - run.first) % run.stride == 0;
  };
  return lower(code) != code || code == final_sigma || code == 0x390 || code == 0x3B0 || code == 0xDF ||
         std::any_of(lowercase_runs.begin(), lowercase_runs.end(), is_target);
}

bool is_ignorable(char32_t code) {
  constexpr char32_t marks[] = {U'\'', U'.', U':',   U'^',   U'`',   0xA8,   0xAD,   0xAF,   0xB4,
                                0xB7,  0xB8, 0x2018, 0x2019, 0x2024, 0x2027, 0x200B, 0x200C, 0x200D};
  return (code >= 0x300 && code <= 0x36F) || std::find(std::begin(marks), std::end(marks), code) != std::end(marks);
}

/// A sigma that ends a word: a letter stands before it and none after it, marks aside.
bool is_final(std::u32string_view text, std::size_t place) {
  std::size_t before = place;
  while (before > 0 && is_ignorable(text[before - 1])) {
    --before;
  }
  if (before == 0 || !is_cased(text[before - 1])) {
    return false;
  }
  std::size_t after = place + 1;
  while (after < text.size() && is_ignorable(text[after])) {
    ++after;
  }
  return after == text.size() || !is_cased(text[after]);
}

}  // namespace

std::u32string lowercase(std::u32string_view text) {
  std::u32string made;
  made.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == dotted_capital_i) {
      made += {U'i', combining_dot};
    } else if (text[i] == capital_sigma) {
      made += is_final(text, i) ? final_sigma : small_sigma;
    } else {
      made += lower(text[i]);
    }
  }
  return made;
}

}  // namespace lmdm
