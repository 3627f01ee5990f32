#include "editor/strip.h"

#include <algorithm>

namespace lmdm::plugin {

void Strip::resize(int width, int height, juce::Colour ground) {
  ground_ = ground;
  image_ = juce::Image(juce::Image::ARGB, std::max(1, width), std::max(1, height), false, juce::SoftwareImageType());
  column_.resize(static_cast<std::size_t>(image_.getHeight()));
  clear();
}

void Strip::clear() {
  image_.clear(image_.getBounds(), ground_);
  empty_ = true;
}

void Strip::extend(std::int64_t begin, std::int64_t end, const Painter& painter) {
  const std::int64_t oldest = end - image_.getWidth();
  std::int64_t column = std::max(oldest, empty_ ? begin : end_);
  if (column >= end) return;
  const juce::Image::BitmapData data(image_, juce::Image::BitmapData::writeOnly);
  for (; column < end; ++column) {
    std::fill(column_.begin(), column_.end(), ground_.getPixelARGB());
    if (column >= begin) painter(column, column_);
    const int x = slot(column);
    for (std::size_t y = 0; y < column_.size(); ++y) {
      *reinterpret_cast<juce::PixelARGB*>(data.getPixelPointer(x, static_cast<int>(y))) = column_[y];
    }
  }
  end_ = end;
  empty_ = false;
}

void Strip::draw(juce::Graphics& g, juce::Rectangle<float> area, std::int64_t first) const {
  if (empty_) return;
  const std::int64_t from = std::max(first, end_ - image_.getWidth()), to = std::min(first + image_.getWidth(), end_);
  const float across = area.getWidth() / static_cast<float>(image_.getWidth()),
              down = area.getHeight() / static_cast<float>(image_.getHeight());
  const auto piece = [&](std::int64_t begin, std::int64_t end) {
    if (end <= begin) return;
    const juce::Image part = image_.getClippedImage({slot(begin), 0, static_cast<int>(end - begin), image_.getHeight()});
    g.drawImageTransformed(
        part, juce::AffineTransform::scale(across, down).translated(area.getX() + static_cast<float>(begin - first) * across, area.getY()));
  };
  // The ring is cut where it was written last.
  const std::int64_t cut = from + image_.getWidth() - slot(from);
  piece(from, std::min(to, cut));
  piece(std::max(from, cut), to);
}

int Strip::slot(std::int64_t column) const noexcept {
  const std::int64_t width = image_.getWidth();
  return static_cast<int>(((column % width) + width) % width);
}

}  // namespace lmdm::plugin
