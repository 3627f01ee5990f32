#include "state_edit.h"

#include <juce_audio_processors/juce_audio_processors.h>

#include <memory>

#include "lmdm/error.h"

namespace lmdm::host {
namespace {

/// Opens the binary form of XML, which JUCE keeps to itself but for plugins.
struct BinaryXml : juce::AudioProcessor {
  using juce::AudioProcessor::copyXmlToBinary;
  using juce::AudioProcessor::getXmlFromBinary;
};

bool set_attribute(juce::XmlElement& element, const juce::String& name, const juce::String& value) {
  if (element.hasAttribute(name)) {
    element.setAttribute(name, value);
    return true;
  }
  for (auto* child : element.getChildIterator()) {
    if (set_attribute(*child, name, value)) return true;
  }
  return false;
}

std::unique_ptr<juce::XmlElement> xml_of(const juce::MemoryBlock& block) {
  return BinaryXml::getXmlFromBinary(block.getData(), static_cast<int>(block.getSize()));
}

}  // namespace

juce::MemoryBlock edited_state(const juce::MemoryBlock& state, const std::map<std::string, std::string>& attributes) {
  const auto outer = xml_of(state);
  juce::XmlElement* component = outer == nullptr ? nullptr : outer->getChildByName("IComponent");
  juce::MemoryBlock inner;
  const bool decoded = component != nullptr && inner.fromBase64Encoding(component->getAllSubText());
  const auto own = decoded ? xml_of(inner) : nullptr;
  if (own == nullptr) {
    throw Error(ErrorKind::session,
                "the state of this plugin is no XML of JUCE, so that no attribute of it can be changed; leave out state");
  }
  for (const auto& [name, value] : attributes) {
    if (!set_attribute(*own, juce::String::fromUTF8(name.c_str()), juce::String::fromUTF8(value.c_str()))) {
      throw Error(ErrorKind::session, "the state of this plugin has no attribute " + name + ": " + own->toString().toStdString());
    }
  }
  BinaryXml::copyXmlToBinary(*own, inner);
  component->deleteAllTextElements();
  component->addTextElement(inner.toBase64Encoding());
  juce::MemoryBlock edited;
  BinaryXml::copyXmlToBinary(*outer, edited);
  return edited;
}

}  // namespace lmdm::host
