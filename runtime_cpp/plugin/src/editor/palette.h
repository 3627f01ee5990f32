#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

/// Colours of the editor: for a dark stage, every text at least 4.5:1 against its ground.
namespace lmdm::plugin::palette {

inline const juce::Colour ground{0xff08090c};  ///< of the window and of pictures
inline const juce::Colour panel{0xff13171d};   ///< of a group of controls
inline const juce::Colour raised{0xff232a34};  ///< what can be pressed
inline const juce::Colour line{0xff36404d};    ///< edges and empty scales
inline const juce::Colour text{0xfff2f5f8};
inline const juce::Colour quiet{0xffa9b5c3};  ///< labels
inline const juce::Colour off{0xff8692a1};    ///< what is not offered
inline const juce::Colour dark{0xff08090c};   ///< text on a bright colour

inline const juce::Colour heard{0xff5ff0c0};  ///< the musician: input, sketch; and all is well
inline const juce::Colour prompt_a{0xffffb648};
inline const juce::Colour prompt_b{0xffb99bff};
inline const juce::Colour frozen{0xff86d8ff};
inline const juce::Colour steel{0xffb9c8d8};  ///< the delay itself
inline const juce::Colour warning{0xffffc23d};
inline const juce::Colour alarm{0xffff7a66};
inline const juce::Colour focus{0xffffffff};

}  // namespace lmdm::plugin::palette
