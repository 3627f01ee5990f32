#include "c/arguments.h"

#include <limits>

namespace lmdm::c {
namespace {

constexpr std::size_t most_floats = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(float);

}  // namespace

void refuse_null(const char* what) {
  throw Misuse(std::string(what) + " is null; see lmdm/c.h for what may be");
}

std::string text(const char* text, const char* what) {
  return &required(text, what);
}

std::vector<std::string> texts(const char* const* list, std::size_t count, const char* what) {
  if (count > 0) (void)required(list, what);
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(text(list[i], what));
  return made;
}

std::vector<WeightedPrompt> mix(const char* const* prompts, const double* weights, std::size_t count) {
  if (count > 0) (void)required(weights, "weights");
  std::vector<WeightedPrompt> made;
  for (std::string& prompt : texts(prompts, count, "prompts")) {
    const double weight = weights[made.size()];
    made.push_back({std::move(prompt), weight});
  }
  return made;
}

std::span<const float> floats(const float* values, std::size_t count, const char* what) {
  if (count == 0) return {};
  if (count > most_floats) throw Misuse(std::string(what) + " cannot hold " + std::to_string(count) + " values; check the count");
  return {&required(values, what), count};
}

std::span<const float> rows(const float* values, std::size_t rows, std::size_t columns, const char* what) {
  if (columns > most_floats / rows) {
    throw Misuse(std::string(what) + " cannot hold " + std::to_string(rows) + " x " + std::to_string(columns) + " values; check the count");
  }
  return floats(values, rows * columns, what);
}

std::span<float> room(float* values, std::size_t count, std::size_t needed, const char* what) {
  (void)required(values, what);
  if (count < needed) {
    throw Misuse(std::string(what) + " has room for " + std::to_string(count) + " values, expected at least " + std::to_string(needed) +
                 "; see lmdm_generator_get_info");
  }
  return {values, needed};
}

void require_text_room(const char* text, std::size_t size) {
  (void)required(text, "text");
  if (size == 0) throw Misuse("text has room for 0 bytes, expected at least 1; give its size");
}

}  // namespace lmdm::c
