#include "processor/plugin_processor.h"

#include <algorithm>
#include <array>
#include <utility>

#include "editor/editor.h"
#include "parameters/ids.h"
#include "parameters/layout.h"
#include "processor/session_state.h"

namespace lmdm::plugin {
namespace {

using Set = juce::AudioChannelSet;

constexpr int most_channels = 2;

bool mono_or_stereo(const Set& set) {
  return set == Set::mono() || set == Set::stereo();
}

}  // namespace

juce::AudioProcessor::BusesProperties PluginProcessor::buses() {
  return BusesProperties()
      .withInput("Input", Set::stereo())
      .withOutput("Output", Set::stereo())
      .withInput("Accompaniment", Set::stereo(), false);
}

PluginProcessor::PluginProcessor(std::unique_ptr<Builder> builder)
    : AudioProcessor(buses()),
      parameters_(*this, nullptr, "parameters", parameter_layout()),
      knobs_(parameters_),
      conductor_(knobs_, session_, std::move(builder), [this] { triggerAsyncUpdate(); }),
      view_(*this, parameters_, conductor_, session_, meters_),
      rack_(conductor_.slot) {}

PluginProcessor::~PluginProcessor() {
  conductor_.stop();
  cancelPendingUpdate();
}

bool PluginProcessor::isBusesLayoutSupported(const BusesLayout& layouts) const {
  const Set main = layouts.getMainInputChannelSet(), side = layouts.getChannelSet(true, 1);
  return mono_or_stereo(main) && main == layouts.getMainOutputChannelSet() && (side.isDisabled() || mono_or_stereo(side));
}

void PluginProcessor::prepareToPlay(double rate, int largest_block) {
  channels_ = std::min(getMainBusNumInputChannels(), most_channels);
  side_channels_ = std::min(getChannelCountOfBus(true, 1), most_channels);
  heard_.prepare(channels_);
  side_.prepare(channels_);
  pedal_.lift();
  restart_.store(false);
  if (meters_.rate.exchange(rate) != rate) meters_.position.store(0);
  Engine* const engine = conductor_.prepare({{rate, channels_, largest_block}, side_channels_ > 0, isNonRealtime()});
  rack_.prepare(rate, channels_, engine);
  mixer_.prepare(rate, channels_, knobs_);
  setLatencySamples(conductor_.latency());
}

/// A host that renders begins again with it; on stage the music goes on.
void PluginProcessor::reset() {
  restart_.store(true);
}

void PluginProcessor::processBlock(juce::AudioBuffer<float>& audio, juce::MidiBuffer& midi) {
  play(audio, midi, knobs_.bypassed());
}
void PluginProcessor::processBlockBypassed(juce::AudioBuffer<float>& audio, juce::MidiBuffer& midi) {
  play(audio, midi, true);
}

void PluginProcessor::play(juce::AudioBuffer<float>& audio, const juce::MidiBuffer& midi, bool bypassed) noexcept {
  const juce::ScopedNoDenormals denormals;
  if (channels_ == 0 || audio.getNumChannels() < channels_) return;
  if (pedal_.listen(midi)) conductor_.begin_again();
  const bool frozen = knobs_.frozen() || pedal_.held(), offline = isNonRealtime();
  meters_.frozen.store(frozen, std::memory_order_relaxed);
  conductor_.set_offline(offline);
  const bool restart = restart_.exchange(false);
  if (offline) {
    if (restart) conductor_.restart();
    conductor_.hand_over();
  }
  mixer_.follow(knobs_, bypassed);
  std::array<float*, most_channels> main{};
  for (int done = 0, all = audio.getNumSamples(); done < all; done += Engine::longest_piece) {
    const int frames = std::min(Engine::longest_piece, all - done);
    for (int channel = 0; channel < channels_; ++channel) main[static_cast<std::size_t>(channel)] = audio.getWritePointer(channel, done);
    play_piece(main.data(), side_of(audio, done, frames), frames, frozen);
  }
}

const float* const* PluginProcessor::side_of(const juce::AudioBuffer<float>& audio, int begin, int frames) noexcept {
  const int sides = std::min(side_channels_, audio.getNumChannels() - channels_);
  if (sides <= 0) return nullptr;
  for (int channel = 0; channel < channels_; ++channel) {
    const float* const first = audio.getReadPointer(channels_ + channel % sides, begin);
    const float* const last = audio.getReadPointer(channels_ + (channels_ < sides ? sides - 1 : channel % sides), begin);
    for (int i = 0; i < frames; ++i) side_[channel][i] = 0.5F * (first[i] + last[i]);
  }
  return side_.data();
}

void PluginProcessor::play_piece(float* const* audio, const float* const* side, int frames, bool frozen) noexcept {
  const std::int64_t position = meters_.position.load(std::memory_order_relaxed);
  mixer_.hear(audio, heard_.data(), frames);
  Meters::see(meters_.input, heard_.data(), channels_, frames);
  rack_.play(audio, heard_.data(), side, frames, position, frozen, isNonRealtime());
  conductor_.pictures.tap.write(rack_.wet.data(), channels_, frames, position);
  mixer_.mix(audio, rack_, audio, frames);
  Meters::see(meters_.output, audio, channels_, frames);
  meters_.position.store(position + frames, std::memory_order_relaxed);
}

juce::AudioProcessorEditor* PluginProcessor::createEditor() {
  return make_editor(*this, view_);
}

void PluginProcessor::getStateInformation(juce::MemoryBlock& state) {
  Session::Choice choice = session_.get();
  // The instrument that was found is the one to come back to.
  if (choice.folder.empty() && !choice.name.empty()) choice.folder = conductor_.performance().loading.folder;
  const juce::String text = SessionState{choice, values_of(*this)}.write();
  state.replaceAll(text.toRawUTF8(), text.getNumBytesAsUTF8());
}

void PluginProcessor::setStateInformation(const void* data, int size) {
  const auto state = SessionState::read(data, static_cast<std::size_t>(std::max(size, 0)));
  if (!state) return;
  set_values(*this, state->values);
  session_.set(state->choice);
}

juce::AudioProcessorParameter* PluginProcessor::getBypassParameter() const {
  return parameters_.getParameter(ids::bypass);
}

void PluginProcessor::handleAsyncUpdate() {
  setLatencySamples(conductor_.latency());
}

}  // namespace lmdm::plugin
