#include "bundle/python_repr.h"

#include <array>
#include <charconv>
#include <cmath>

namespace lmdm::bundles {

namespace {

// Sentences show 200 characters of a value; the rest need not be written.
constexpr std::size_t enough = 4096;

std::string float_repr(double value) {
  const double size = std::fabs(value);
  const bool plain = value == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 64> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits.data(), end.ptr);
  if (plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}

void write(const nlohmann::json& value, std::string& out) {
  if (out.size() > enough) return;
  if (value.is_null()) {
    out += "None";
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? "True" : "False";
  } else if (value.is_string()) {
    out += in_quotes(value.get_ref<const std::string&>());
  } else if (value.is_number_float()) {
    out += float_repr(value.get<double>());
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size() && out.size() <= enough; ++i) {
      if (i > 0) out += ", ";
      write(value[i], out);
    }
    out += ']';
  } else if (value.is_object()) {
    out += '{';
    for (auto item = value.begin(); item != value.end() && out.size() <= enough; ++item) {
      if (item != value.begin()) out += ", ";
      out += in_quotes(item.key()) + ": ";
      write(item.value(), out);
    }
    out += '}';
  } else {
    out += value.dump();
  }
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text.substr(0, enough)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == quote) {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string python_repr(const nlohmann::json& value) {
  std::string out;
  write(value, out);
  return out;
}

}  // namespace lmdm::bundles
