#pragma once

#include <juce_graphics/juce_graphics.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lmdm::plugin {

/// The newest part of an endless picture, kept as a ring: scrolling draws new columns and nothing else.
class Strip {
 public:
  /// Draws one column, from top to bottom.
  using Painter = std::function<void(std::int64_t column, std::span<juce::PixelARGB> pixels)>;

  /// Forgets everything. Pixels, at least 1.
  void resize(int width, int height, juce::Colour ground);
  void clear();
  /// Draws the columns before `end` that are not there yet; from `begin` on, what lies between stays empty.
  void extend(std::int64_t begin, std::int64_t end, const Painter& painter);
  /// Shows the columns from `first` on, as many as the strip is wide, scaled into the area. What is not there is ground.
  void draw(juce::Graphics& g, juce::Rectangle<float> area, std::int64_t first) const;

  [[nodiscard]] int width() const noexcept { return image_.getWidth(); }
  [[nodiscard]] int height() const noexcept { return image_.getHeight(); }
  [[nodiscard]] std::int64_t end() const noexcept { return end_; }

 private:
  [[nodiscard]] int slot(std::int64_t column) const noexcept;

  juce::Image image_;
  juce::Colour ground_;
  std::vector<juce::PixelARGB> column_;
  bool empty_ = true;
  std::int64_t end_ = 0;  ///< after the newest column
};

}  // namespace lmdm::plugin
