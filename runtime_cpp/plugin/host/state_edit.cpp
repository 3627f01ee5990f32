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

std::unique_ptr<juce::XmlElement> xml_of(const juce::MemoryBlock& block) {
  return BinaryXml::getXmlFromBinary(block.getData(), static_cast<int>(block.getSize()));
}

}  // namespace

juce::MemoryBlock edited_state(const juce::MemoryBlock& state, const std::map<std::string, std::string>& attributes) {
  const auto outer = xml_of(state);
  juce::XmlElement* component = outer == nullptr ? nullptr : outer->getChildByName("IComponent");
  juce::MemoryBlock inner;
  const bool decoded = component != nullptr && inner.fromBase64Encoding(component->getAllSubText());
  const auto own = decoded ? juce::parseXML(inner.toString()) : nullptr;
  if (own == nullptr) {
    throw Error(ErrorKind::session, "the state of this plugin is no XML, so that no attribute of it can be changed; leave out state");
  }
  for (const auto& [name, value] : attributes) {
    const juce::String path = juce::String::fromUTF8(name.c_str()), attribute = path.fromLastOccurrenceOf(".", false, false);
    juce::XmlElement* const element = own->getChildByName(path.upToLastOccurrenceOf(".", false, false));
    if (element == nullptr || !element->hasAttribute(attribute)) {
      throw Error(ErrorKind::session, "the state of this plugin has no attribute " + name + "; leave it out of the script");
    }
    element->setAttribute(attribute, juce::String::fromUTF8(value.c_str()));
  }
  const juce::String text = own->toString();
  component->deleteAllTextElements();
  component->addTextElement(juce::MemoryBlock(text.toRawUTF8(), text.getNumBytesAsUTF8()).toBase64Encoding());
  juce::MemoryBlock edited;
  BinaryXml::copyXmlToBinary(*outer, edited);
  return edited;
}

}  // namespace lmdm::host
