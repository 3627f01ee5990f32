#pragma once

/// Identifiers of the parameters. They are in the sessions of musicians: none ever changes its name or its meaning.
namespace lmdm::plugin::ids {

inline constexpr auto input_gain = "input_gain";
inline constexpr auto output_gain = "output_gain";
inline constexpr auto mix = "mix";
inline constexpr auto pitch = "pitch";
inline constexpr auto loudness = "loudness";
inline constexpr auto crossfade = "crossfade";
inline constexpr auto context_drop = "context_drop";
inline constexpr auto feedback = "feedback";
inline constexpr auto steps = "steps";
inline constexpr auto guidance = "guidance";
inline constexpr auto seed = "seed";
inline constexpr auto freeze = "freeze";
inline constexpr auto monitor = "monitor";
inline constexpr auto layout = "layout";
inline constexpr auto headroom = "headroom";
inline constexpr auto underrun = "underrun";
inline constexpr auto bypass = "bypass";

}  // namespace lmdm::plugin::ids
