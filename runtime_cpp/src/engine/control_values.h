#pragma once

#include <map>
#include <string>
#include <vector>

namespace lmdm {

/// Values of controls by group name, each planar [channels, frames]; a graph of the network takes group NAME as `control_NAME`.
using ControlValues = std::map<std::string, std::vector<float>>;

}  // namespace lmdm
