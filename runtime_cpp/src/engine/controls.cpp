#include "engine/controls.h"

#include <algorithm>
#include <utility>

#include "engine/planar.h"
#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {

Controls::Controls(const Manifest& manifest, Backend& backend, States sketch_first, States encoder_first)
    : context_(static_cast<std::size_t>(manifest.model.context)), block_(static_cast<std::size_t>(manifest.model.block)) {
  for (const ControlEntry& control : manifest.controls) {
    kinds_ += (kinds_.empty() ? "" : ", ") + control.kind;
    if (control.source == ControlSource::accompaniment) {
      if (!accompaniment_) accompaniment_.emplace(manifest, backend, control, encoder_first);
      continue;
    }
    for (const Group& group : control.groups) {
      lanes_.emplace_back(group.name, ControlLane(static_cast<std::size_t>(group.channels), context_, block_));
    }
  }
  if (kinds_.empty()) kinds_ = "none";
  if (manifest.sketch) sketch_.emplace(manifest, backend, std::move(sketch_first));
}

SketchStream& Controls::sketch() {
  if (!sketch_) throw Error(ErrorKind::session, "this bundle has no sketch controls; its controls are " + kinds_);
  return *sketch_;
}

AccompanimentStream& Controls::accompaniment() {
  if (!accompaniment_) throw Error(ErrorKind::session, "this bundle takes no accompaniment; its controls are " + kinds_);
  return *accompaniment_;
}

void Controls::set(const std::string& name, std::span<const float> values, std::size_t frames) {
  ControlLane* const found = lane(name);
  if (found == nullptr) {
    std::string names;
    for (const auto& [own, unused] : lanes_) names += (names.empty() ? "" : ", ") + own;
    throw Error(ErrorKind::session, "this bundle has no control " + spelled(name) + " to set; it has " + (names.empty() ? "none" : names));
  }
  if (sketch_ && !sketch_->chosen().empty() && sketch_->feeds(name)) {
    throw Error(ErrorKind::session,
                "control " + name + " follows the sketch; switch the sketch off with choose_sketch({}) before setting it");
  }
  found->set(name, values, frames);
}

void Controls::prepare() {
  if (sketch_ && (!sketch_->chosen().empty() || sketched_)) {
    for (auto& [name, values] : sketch_->block()) lane(name)->follow(std::move(values));
    // What was switched off is zero from here on, until the caller sets it.
    sketched_ = !sketch_->chosen().empty();
  } else if (sketch_ && sketch_->waiting()) {
    // A block takes its share of the audio also while nothing follows it: what is chosen later follows what sounds then.
    (void)sketch_->block();
  }
  if (accompaniment_) window_ = accompaniment_->window();
}

void Controls::prime(std::span<const float> audio) {
  if (!sketch_ || sketch_->chosen().empty()) return;
  for (const auto& [name, values] : sketch_->analyse(audio)) {
    ControlLane& own = *lane(name);
    own.remember(whole_history(values, own.channels(), context_));
  }
}

void Controls::reset() {
  for (auto& [name, own] : lanes_) own.forget();
  if (sketch_) sketch_->reset();
  if (accompaniment_) accompaniment_->reset();
}

ControlValues Controls::history() const {
  ControlValues values = cut(0, context_);
  for (const auto& [name, own] : lanes_) values[name] = own.history();
  return values;
}

ControlValues Controls::block() const {
  ControlValues values = cut(context_, block_);
  for (const auto& [name, own] : lanes_) values[name] = own.next_block();
  return values;
}

void Controls::advance() {
  for (auto& [name, own] : lanes_) own.advance();
  if (sketch_) sketch_->advance();
  if (accompaniment_) accompaniment_->advance();
}

ControlValues Controls::cut(std::size_t first, std::size_t count) const {
  ControlValues values;
  for (const auto& [name, whole] : window_) {
    const std::size_t rows = whole.size() / (context_ + block_);
    std::vector<float>& part = values[name];
    part.resize(rows * count);
    copy_columns(whole, rows, first, part);
  }
  return values;
}

ControlLane* Controls::lane(const std::string& name) noexcept {
  const auto found = std::ranges::find(lanes_, name, &std::pair<std::string, ControlLane>::first);
  return found == lanes_.end() ? nullptr : &found->second;
}

}  // namespace lmdm
