#include "processor/session_state.h"

#include <cmath>
#include <memory>

namespace lmdm::plugin {
namespace {

constexpr int format = 1;
constexpr std::size_t most_bytes = 1 << 20;
constexpr int most_depth = 8;

constexpr auto root = "generative_delay", instrument = "instrument", prompts = "prompts", parameter = "parameter";

/// Whether a parser can be let at it: ours has neither documents within documents nor declarations.
bool shallow(const juce::String& text) {
  int depth = 0;
  for (auto at = text.getCharPointer(); !at.isEmpty(); ++at) {
    if (*at == '/' && at[1] == '>') --depth;
    if (*at != '<') continue;
    if (at[1] == '!') return false;
    if (at[1] == '/') --depth;
    if (juce::CharacterFunctions::isLetter(at[1]) && ++depth > most_depth) return false;
  }
  return true;
}

std::optional<float> number(const juce::String& text) {
  if (text.isEmpty() || !text.containsOnly("0123456789+-.eE")) return std::nullopt;
  const auto value = static_cast<float>(text.getDoubleValue());
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string attribute(const juce::XmlElement& element, const char* child, const char* name) {
  const auto* const found = element.getChildByName(child);
  return found == nullptr ? std::string() : found->getStringAttribute(name).toStdString();
}

}  // namespace

juce::String SessionState::write() const {
  juce::XmlElement state(root);
  state.setAttribute("format", format);
  auto* const chosen = state.createNewChildElement(instrument);
  chosen->setAttribute("folder", juce::String::fromUTF8(choice.folder.string().c_str()));
  chosen->setAttribute("name", juce::String::fromUTF8(choice.name.c_str()));
  chosen->setAttribute("manifest", juce::String(choice.hash));
  auto* const said = state.createNewChildElement(prompts);
  said->setAttribute("a", juce::String::fromUTF8(choice.prompt_a.c_str()));
  said->setAttribute("b", juce::String::fromUTF8(choice.prompt_b.c_str()));
  for (const auto& [id, value] : values) {
    auto* const saved = state.createNewChildElement(parameter);
    saved->setAttribute("id", juce::String(id));
    saved->setAttribute("value", static_cast<double>(value));
  }
  return state.toString();
}

std::optional<SessionState> SessionState::read(const void* data, std::size_t size) {
  if (data == nullptr || size == 0 || size > most_bytes) return std::nullopt;
  const auto* const bytes = static_cast<const char*>(data);
  if (!juce::CharPointer_UTF8::isValidString(bytes, static_cast<int>(size))) return std::nullopt;
  const juce::String text = juce::String::fromUTF8(bytes, static_cast<int>(size));
  if (!shallow(text)) return std::nullopt;
  const std::unique_ptr<juce::XmlElement> state = juce::parseXML(text);
  if (state == nullptr || !state->hasTagName(root)) return std::nullopt;
  const auto written = number(state->getStringAttribute("format"));
  if (written != static_cast<float>(format)) return std::nullopt;
  SessionState read;
  if (state->getChildByName(prompts) == nullptr || state->getChildByName(instrument) == nullptr) return std::nullopt;
  read.choice = {attribute(*state, instrument, "folder"), attribute(*state, instrument, "name"), attribute(*state, instrument, "manifest"),
                 attribute(*state, prompts, "a"), attribute(*state, prompts, "b")};
  for (const auto* saved : state->getChildWithTagNameIterator(parameter)) {
    const auto value = number(saved->getStringAttribute("value"));
    if (!value) return std::nullopt;
    read.values[saved->getStringAttribute("id").toStdString()] = *value;
  }
  return read;
}

std::map<std::string, float> values_of(const juce::AudioProcessor& processor) {
  std::map<std::string, float> values;
  for (const auto* each : processor.getParameters()) {
    const auto& ranged = dynamic_cast<const juce::RangedAudioParameter&>(*each);
    values[ranged.paramID.toStdString()] = ranged.convertFrom0to1(ranged.getValue());
  }
  return values;
}

void set_values(juce::AudioProcessor& processor, const std::map<std::string, float>& values) {
  for (auto* each : processor.getParameters()) {
    auto& ranged = dynamic_cast<juce::RangedAudioParameter&>(*each);
    const auto found = values.find(ranged.paramID.toStdString());
    const auto& range = ranged.getNormalisableRange();
    ranged.setValueNotifyingHost(found == values.end() ? ranged.getDefaultValue()
                                                       : ranged.convertTo0to1(juce::jlimit(range.start, range.end, found->second)));
  }
}

}  // namespace lmdm::plugin
