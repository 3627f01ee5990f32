#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "lmdm/onnxruntime.h"

/// What the command line tools share.
namespace lmdm::tools {

/// Exit statuses: 0 and 1 are the tool's own verdict.
inline constexpr int could_not_run = 2;

/// Adds --threads, --library and --provider.
void add_backend_options(CLI::App& app, OnnxRuntimeOptions& options);

/// Parses and runs. Every refusal becomes one sentence on stderr and the status `could_not_run`.
int run(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

}  // namespace lmdm::tools
