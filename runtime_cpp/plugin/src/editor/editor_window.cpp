#include "editor/editor_window.h"

#include <algorithm>
#include <utility>

#include "editor/editor.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr int default_width = 960, default_height = 640;
constexpr int pictures_a_second = 30;

}  // namespace

juce::AudioProcessorEditor* make_editor(juce::AudioProcessor& processor, View& view) {
  return new EditorWindow(processor, view);
}

EditorWindow::EditorWindow(juce::AudioProcessor& owner, View& view)
    : juce::AudioProcessorEditor(owner),
      view_(view),
      header_([this] { choose(); }),
      prompt_a_(view, Slot::a),
      prompt_b_(view, Slot::b),
      crossfader_(view.parameters()),
      input_("in", "Input level"),
      output_("out", "Output level"),
      card_([this] { choose(); }, [&view] { view.start_again(); }),
      performance_(view),
      knobs_(view.parameters()),
      ring_(*this) {
  setLookAndFeel(&look_);
  setTitle("Generative Delay");
  setFocusContainerType(FocusContainerType::keyboardFocusContainer);
  setOpaque(true);
  // In the order in which Tab goes through them.
  int order = 0;
  for (const auto& [child, id] : {std::pair<juce::Component*, const char*>{&header_, "header"},
                                  {&prompt_a_, "prompt_a"},
                                  {&crossfader_, "crossfader"},
                                  {&prompt_b_, "prompt_b"},
                                  {&input_, "input"},
                                  {&picture_, "picture"},
                                  {&card_, "card"},
                                  {&output_, "output"},
                                  {&performance_, "performance"},
                                  {&timing_, "timing"},
                                  {&knobs_, "knobs"}}) {
    addAndMakeVisible(child);
    child->setComponentID(id);
    child->setExplicitFocusOrder(++order);
  }
  addChildComponent(ring_);
  card_.setVisible(false);
  setResizable(true, true);
  setResizeLimits(640, 420, 3840, 2160);
  setSize(default_width, default_height);
  view_.watch(true);
  refresh(juce::Time::getMillisecondCounterHiRes() / 1000);
  startTimerHz(pictures_a_second);
}

EditorWindow::~EditorWindow() {
  stopTimer();
  view_.watch(false);
  setLookAndFeel(nullptr);
}

void EditorWindow::refresh(double wall) {
  const Status status = view_.status();
  sketch_.clear();
  spectrum_.clear();
  view_.take(sketch_, spectrum_);
  picture_.add(sketch_, spectrum_);
  picture_.show(clock_.at(wall, view_.now()), status);
  card_.show(status, !picture_.empty());
  picture_.set_inset(card_.inset());
  header_.show(status);
  prompt_a_.refresh();
  prompt_b_.refresh();
  const double since = std::clamp(wall - wall_, 0.0, 1.0);
  wall_ = wall;
  input_.show(status.input_peak, since);
  output_.show(status.output_peak, since);
  performance_.show(status);
  timing_.show(status);
  knobs_.show(status);
}

void EditorWindow::paint(juce::Graphics& g) {
  g.fillAll(palette::ground);
}

void EditorWindow::resized() {
  look_.set_scale(
      std::clamp(std::min(static_cast<float>(getWidth()) / default_width, static_cast<float>(getHeight()) / default_height), 0.8F, 4.0F));
  const int gap = look_.pixels(8);
  auto area = getLocalBounds().reduced(look_.pixels(10));
  header_.setBounds(area.removeFromTop(look_.pixels(46)));
  area.removeFromTop(gap);
  auto prompts = area.removeFromTop(look_.pixels(54));
  const int field = prompts.getWidth() * 36 / 100;
  prompt_a_.setBounds(prompts.removeFromLeft(field));
  prompt_b_.setBounds(prompts.removeFromRight(field));
  crossfader_.setBounds(prompts.reduced(look_.pixels(12), 0));
  area.removeFromTop(gap);
  knobs_.setBounds(area.removeFromBottom(look_.pixels(116)));
  area.removeFromBottom(gap);
  timing_.setBounds(area.removeFromBottom(look_.pixels(44)));
  area.removeFromBottom(gap);
  performance_.setBounds(area.removeFromRight(look_.pixels(228)));
  area.removeFromRight(gap);
  input_.setBounds(area.removeFromLeft(look_.pixels(24)));
  output_.setBounds(area.removeFromRight(look_.pixels(24)));
  picture_.setBounds(area.withTrimmedRight(gap));
  card_.setBounds(picture_.getBounds().withTrimmedLeft(gap));
  picture_.set_inset(card_.inset());
}

bool EditorWindow::isInterestedInFileDrag(const juce::StringArray& files) {
  return files.size() == 1;
}

void EditorWindow::filesDropped(const juce::StringArray& files, int /*x*/, int /*y*/) {
  const juce::File dropped(files[0]);
  view_.choose_bundle(dropped.isDirectory() ? dropped : dropped.getParentDirectory());
}

void EditorWindow::timerCallback() {
  refresh(juce::Time::getMillisecondCounterHiRes() / 1000);
}

void EditorWindow::choose() {
  const std::filesystem::path now = view_.status().bundle;
  chooser_ = std::make_unique<juce::FileChooser>("Choose a bundle", juce::File(juce::String(now.string())));
  chooser_->launchAsync(juce::FileBrowserComponent::openMode | juce::FileBrowserComponent::canSelectDirectories,
                        [this](const juce::FileChooser& chooser) {
                          if (chooser.getResult() != juce::File()) view_.choose_bundle(chooser.getResult());
                        });
}

}  // namespace lmdm::plugin
