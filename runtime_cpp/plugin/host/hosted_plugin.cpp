#include "hosted_plugin.h"

#include <algorithm>

#include "files.h"
#include "lmdm/error.h"
#include "state_edit.h"

namespace lmdm::host {
namespace {

constexpr int longest_name = 128;

std::unique_ptr<juce::AudioPluginInstance> open(const std::filesystem::path& file, double rate, int block) {
  juce::VST3PluginFormat format;
  juce::OwnedArray<juce::PluginDescription> found;
  format.findAllTypesForFile(found, file_at(file).getFullPathName());
  if (found.isEmpty()) {
    throw Error(ErrorKind::environment, file.string() +
                                            " holds no VST3 plugin that can be opened; build it with: cmake --preset plugin "
                                            "&& cmake --build --preset plugin");
  }
  juce::String complaint;
  auto instance = format.createInstanceFromDescription(*found[0], rate, block, complaint);
  if (instance == nullptr) {
    throw Error(ErrorKind::environment, file.string() + " cannot be hosted (" + complaint.toStdString() + "); build it again");
  }
  return instance;
}

}  // namespace

HostedPlugin::HostedPlugin(const std::filesystem::path& file, double rate, int largest_block, int channels)
    : rate_(rate), largest_block_(largest_block), instance_(open(file, rate, largest_block)) {
  const auto set = juce::AudioChannelSet::canonicalChannelSet(channels);
  auto layout = instance_->getBusesLayout();
  if (layout.inputBuses.size() > 0) layout.inputBuses.getReference(0) = set;
  if (layout.outputBuses.size() > 0) layout.outputBuses.getReference(0) = set;
  if (!instance_->setBusesLayout(layout)) {
    throw Error(ErrorKind::session, file.string() + " takes no " + std::to_string(channels) + " channels; give --channels 1 or 2");
  }
  const int sides = std::max(instance_->getTotalNumInputChannels(), instance_->getTotalNumOutputChannels());
  wide_.setSize(std::max(sides, channels), largest_block);
  instance_->setNonRealtime(false);
  instance_->setRateAndBufferSizeDetails(rate, largest_block);
  instance_->prepareToPlay(rate, largest_block);
}

juce::AudioProcessorParameter& HostedPlugin::parameter(const std::string& name) const {
  const juce::String wanted = juce::String::fromUTF8(name.c_str());
  juce::StringArray names;
  for (auto* parameter : instance_->getParameters()) {
    names.add(parameter->getName(longest_name));
    if (names[names.size() - 1] == wanted) return *parameter;
  }
  throw Error(ErrorKind::session,
              "the plugin has no parameter \"" + name + "\"; it has " + names.joinIntoString(", ").toStdString() + ": change the script");
}

nlohmann::ordered_json HostedPlugin::description() const {
  const juce::PluginDescription about = instance_->getPluginDescription();
  auto parameters = nlohmann::ordered_json::array();
  for (auto* parameter : instance_->getParameters()) {
    parameters.push_back({{"name", parameter->getName(longest_name).toStdString()},
                          {"value", parameter->getValue()},
                          {"text", parameter->getCurrentValueAsText().toStdString()}});
  }
  return {{"name", about.name.toStdString()}, {"version", about.version.toStdString()}, {"parameters", parameters}};
}

juce::MemoryBlock HostedPlugin::state() const {
  juce::MemoryBlock block;
  instance_->getStateInformation(block);
  return block;
}

void HostedPlugin::restore(const juce::MemoryBlock& state) {
  instance_->setStateInformation(state.getData(), static_cast<int>(state.getSize()));
}

void HostedPlugin::save(const std::filesystem::path& file) const {
  const juce::MemoryBlock block = state();
  if (!file_at(file).replaceWithData(block.getData(), block.getSize())) {
    throw Error(ErrorKind::session, "the state " + file.string() + " cannot be written; choose a folder that exists and has room");
  }
}

void HostedPlugin::load(const std::filesystem::path& file) {
  juce::MemoryBlock block;
  if (!file_at(file).loadFileAsData(block)) {
    throw Error(ErrorKind::session, "the state " + file.string() + " cannot be read; name a file that --save has written");
  }
  restore(block);
}

void HostedPlugin::edit_state(const std::map<std::string, std::string>& attributes) {
  restore(edited_state(state(), attributes));
}

void HostedPlugin::restart() {
  instance_->releaseResources();
  instance_->prepareToPlay(rate_, largest_block_);
}

void HostedPlugin::play(juce::AudioBuffer<float>& main, juce::MidiBuffer& midi) {
  const int frames = main.getNumSamples();
  juce::AudioBuffer<float> buffer(wide_.getArrayOfWritePointers(), wide_.getNumChannels(), frames);
  buffer.clear();
  for (int channel = 0; channel < main.getNumChannels(); ++channel) buffer.copyFrom(channel, 0, main, channel, 0, frames);
  instance_->processBlock(buffer, midi);
  for (int channel = 0; channel < main.getNumChannels(); ++channel) main.copyFrom(channel, 0, buffer, channel, 0, frames);
}

}  // namespace lmdm::host
