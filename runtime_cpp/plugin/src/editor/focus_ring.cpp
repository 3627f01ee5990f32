#include "editor/focus_ring.h"

#include "editor/look.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr float away = 3, thickness = 2;

}  // namespace

FocusRing::FocusRing(juce::Component& editor) : editor_(editor) {
  setInterceptsMouseClicks(false, false);
  setAlwaysOnTop(true);
  setAccessible(false);
  juce::Desktop::getInstance().addFocusChangeListener(this);
}

FocusRing::~FocusRing() {
  juce::Desktop::getInstance().removeFocusChangeListener(this);
  surround(nullptr);
}

void FocusRing::surround(juce::Component* component) {
  if (focused_ != nullptr) focused_->removeComponentListener(this);
  focused_ = component != nullptr && editor_.isParentOf(component) ? component : nullptr;
  if (focused_ != nullptr) focused_->addComponentListener(this);
  setVisible(focused_ != nullptr);
  if (focused_ != nullptr) place();
}

void FocusRing::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  const auto area = getLocalBounds().toFloat();
  g.setColour(palette::ground);
  g.drawRoundedRectangle(area.reduced(look.length(thickness)), look.length(7), look.length(2 * thickness));
  g.setColour(palette::focus);
  g.drawRoundedRectangle(area.reduced(look.length(thickness / 2)), look.length(7), look.length(thickness));
}

void FocusRing::componentMovedOrResized(juce::Component& /*component*/, bool /*moved*/, bool /*resized*/) {
  place();
}

void FocusRing::place() {
  setBounds(editor_.getLocalArea(focused_, focused_->getLocalBounds()).expanded(Look::of(*this).pixels(away)));
  toFront(false);
}

}  // namespace lmdm::plugin
