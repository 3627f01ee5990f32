#include "parameters/text.h"

#include <cmath>
#include <limits>

namespace lmdm::plugin::text {
namespace {

constexpr auto of_the_bundle = "bundle";

juce::String decimals(double value, int digits, int length) {
  // No "-0.0".
  const double scale = std::pow(10.0, digits), rounded = std::round(value * scale) / scale;
  const juce::String text(rounded == 0 ? 0.0 : rounded, digits);
  return length > 0 ? text.substring(0, length) : text;
}

}  // namespace

juce::String decibels(float value, int length) {
  return decimals(value, 1, length);
}
juce::String percent(float value, int length) {
  return decimals(100.0 * value, 1, length);
}
juce::String whole(int value, int length) {
  const juce::String text(value);
  return length > 0 ? text.substring(0, length) : text;
}
juce::String steps(int value, int length) {
  return value == 0 ? juce::String(of_the_bundle) : whole(value, length);
}
juce::String guidance(float value, int length) {
  return value <= 0 ? juce::String(of_the_bundle) : decimals(value, 2, length);
}

float number(const juce::String& typed) {
  // A comma is a decimal point in half of the world.
  const float value = typed.trim().replaceCharacter(',', '.').getFloatValue();
  return std::isfinite(value) ? value : 0.0F;
}
float share(const juce::String& typed) {
  return number(typed) / 100;
}
int whole_number(const juce::String& typed) {
  const double value = std::round(number(typed));
  return static_cast<int>(juce::jlimit<double>(std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), value));
}
int steps_number(const juce::String& typed) {
  return typed.trim().equalsIgnoreCase(of_the_bundle) ? 0 : whole_number(typed);
}
float guidance_number(const juce::String& typed) {
  return typed.trim().equalsIgnoreCase(of_the_bundle) ? 0.0F : number(typed);
}

}  // namespace lmdm::plugin::text
