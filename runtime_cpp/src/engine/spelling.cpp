#include "engine/spelling.h"

#include <cmath>

#include "bundle/python_repr.h"
#include "bundle/sentence.h"
#include "engine/utf8.h"

namespace lmdm {
namespace {

std::string joined(std::span<const double> numbers) {
  std::string text;
  for (const double number : numbers) {
    text += (text.empty() ? "" : ", ") + spelled(number);
  }
  return text;
}

}  // namespace

std::string spelled(double number) {
  return std::isnan(number) ? "nan" : bundles::python_repr(nlohmann::json(number));
}

std::string spelled_list(std::span<const double> numbers) {
  return std::string("[").append(joined(numbers)).append("]");
}

std::string spelled_tuple(std::span<const double> numbers) {
  return std::string("(").append(joined(numbers)).append(numbers.size() == 1 ? ",)" : ")");
}

std::string spelled(std::string_view text, std::size_t most) {
  const std::string whole = to_utf8(from_utf8(text));
  return bundles::shortened(bundles::python_repr(std::string_view(whole)), most);
}

}  // namespace lmdm
