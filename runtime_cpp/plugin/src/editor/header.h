#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include <functional>

#include "editor/condition_text.h"
#include "view/view.h"

namespace lmdm::plugin {

/// Which instrument plays, and how it is.
class Header final : public juce::Component {
 public:
  explicit Header(std::function<void()> choose);

  void show(const Status& status);

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  juce::String name_, abilities_;
  ConditionText condition_;
  juce::TextButton choose_{juce::String::fromUTF8("Choose bundle\xe2\x80\xa6")};
};

}  // namespace lmdm::plugin
