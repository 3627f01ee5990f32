#pragma once

#include <cmath>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "editor/palette.h"
#include "editor/strip.h"

namespace lmdm::plugin {

/// Columns of one kind as a strip over time. They are kept as long as they can be seen, so that another size is drawn anew from them.
template <class Column>
class Lane {
 public:
  /// Draws a pixel column between two columns, at a place from 0 to 1 between them; the next pixel lies `step` further on.
  using Painter = std::function<void(const Column& from, const Column& to, float place, float step, std::span<juce::PixelARGB> pixels)>;

  /// `seconds` are those that are seen at once.
  Lane(double seconds, Painter painter) : seconds_(seconds), painter_(std::move(painter)) {}

  void resize(int width, int height) {
    if (width == strip_.width() && height == strip_.height()) return;
    strip_.resize(width, height, palette::ground);
    for (std::size_t i = 1; i < columns_.size(); ++i) draw_between(columns_[i - 1], columns_[i]);
  }
  void clear() {
    columns_.clear();
    strip_.clear();
  }
  void add(const std::vector<Column>& columns) {
    for (const Column& column : columns) {
      if (!columns_.empty() && column.seconds <= columns_.back().seconds - seconds_) clear();
      if (!columns_.empty() && column.seconds <= columns_.back().seconds) continue;
      columns_.push_back(column);
      if (columns_.size() > 1) draw_between(columns_[columns_.size() - 2], columns_.back());
      while (columns_.front().seconds < columns_.back().seconds - seconds_) columns_.pop_front();
    }
  }
  /// The pixel column that is seen first, where the lane begins at `seconds`.
  [[nodiscard]] std::int64_t first(double seconds) const noexcept {
    return static_cast<std::int64_t>(std::floor(seconds * strip_.width() / seconds_));
  }
  void draw(juce::Graphics& g, juce::Rectangle<float> area, std::int64_t first_column) const { strip_.draw(g, area, first_column); }
  [[nodiscard]] bool empty() const noexcept { return columns_.empty(); }

 private:
  static constexpr double gap = 0.25;  // seconds; what is further apart does not belong together

  void draw_between(const Column& from, const Column& to) {
    if (strip_.width() < 1 || to.seconds - from.seconds > gap) return;
    const double rate = strip_.width() / seconds_;
    const auto begin = static_cast<std::int64_t>(std::ceil(from.seconds * rate));
    const auto end = static_cast<std::int64_t>(std::ceil(to.seconds * rate));
    const double step = 1 / ((to.seconds - from.seconds) * rate);
    strip_.extend(begin, end, [&](std::int64_t column, std::span<juce::PixelARGB> pixels) {
      const double place = (static_cast<double>(column) - from.seconds * rate) * step;
      painter_(from, to, static_cast<float>(place), static_cast<float>(step), pixels);
    });
  }

  double seconds_;
  Painter painter_;
  std::deque<Column> columns_;
  Strip strip_;
};

}  // namespace lmdm::plugin
