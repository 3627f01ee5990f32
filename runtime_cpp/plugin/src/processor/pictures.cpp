#include "processor/pictures.h"

#include <iterator>
#include <utility>

namespace lmdm::plugin {
namespace {

template <class Column>
void append(std::vector<Column>& columns, std::vector<Column>&& newer, std::size_t most) {
  std::move(newer.begin(), newer.end(), std::back_inserter(columns));
  if (columns.size() > most) columns.erase(columns.begin(), columns.end() - static_cast<std::ptrdiff_t>(most));
}

}  // namespace

void Pictures::watch(bool watched) {
  watched_.store(watched, std::memory_order_relaxed);
  tap.open(watched);
  if (watched) return;
  const std::scoped_lock lock(mutex_);
  sketch_.clear();
  spectrum_.clear();
}

void Pictures::take(std::vector<SketchColumn>& sketch, std::vector<SpectrumColumn>& spectrum) {
  const std::scoped_lock lock(mutex_);
  sketch = std::exchange(sketch_, {});
  spectrum = std::exchange(spectrum_, {});
}

void Pictures::draw_sketch(const Engine& engine, const std::vector<BlockReport>& reports) {
  const std::int64_t origin = engine.origin.load(std::memory_order_acquire);
  if (origin < 0) return;
  for (const BlockReport& report : reports) {
    auto columns =
        sketch_columns(engine.facts.sketch, report.controls, report.frames, static_cast<double>(origin + report.begin) / engine.spec.rate,
                       static_cast<double>(origin + report.end) / engine.spec.rate);
    const std::scoped_lock lock(mutex_);
    append(sketch_, std::move(columns), most_columns);
  }
}

void Pictures::draw_spectrum(double rate) {
  if (rate <= 0) return;
  if (!maker_ || rate_ != rate) {
    maker_ = std::make_unique<Spectrum>(rate);
    rate_ = rate;
    expected_ = -1;
  }
  std::vector<SpectrumColumn> columns;
  while (const Tap::Moment* moment = tap.read()) {
    if (moment->position != expected_) maker_->restart(static_cast<double>(moment->position) / rate);
    maker_->push({moment->mono.data(), static_cast<std::size_t>(moment->frames)}, columns);
    expected_ = moment->position + moment->frames;
    tap.drop();
  }
  const std::scoped_lock lock(mutex_);
  append(spectrum_, std::move(columns), most_columns);
}

}  // namespace lmdm::plugin
