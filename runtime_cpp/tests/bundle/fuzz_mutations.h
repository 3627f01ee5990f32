#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tiny_bundle.h"

namespace lmdm::testing {

/// Numbers of one case, the same on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  /// From 0 to `sides` - 1.
  std::size_t roll(std::size_t sides) { return static_cast<std::size_t>(engine_() % sides); }
  bool chance(std::size_t percent) { return roll(100) < percent; }
  template <class Values>
  const auto& pick(const Values& values) {
    return *std::next(std::begin(values), static_cast<std::ptrdiff_t>(roll(std::size(values))));
  }

 private:
  std::mt19937_64 engine_;
};

/// What stands in the place of a file.
enum class Instead { nothing, folder, circle, outside, device, huge };

/// A bundle on its way to the loader.
struct Case {
  TinyBundle bundle;
  std::optional<std::string> text;         ///< of the manifest, where it is no dump of the document
  std::map<std::string, Instead> instead;  ///< of files
  bool must_be_refused = false;            ///< no reading of it is a valid bundle
  std::string what;                        ///< the mutations, for the report
};

/// One random change somewhere; the result may still be valid.
void mutate(Case& fuzzed, Dice& dice);
/// One change that no runtime may accept, whatever else was changed.
void make_hostile(Case& fuzzed, Dice& dice);
/// Random bytes changed, cut, repeated or taken from elsewhere.
void damage(std::string& bytes, Dice& dice, const std::string& other);

}  // namespace lmdm::testing
