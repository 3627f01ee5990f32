#include "common/tool.h"

#include <exception>
#include <iostream>
#include <map>
#include <new>
#include <string>

#include "lmdm/error.h"

namespace lmdm::tools {

void add_backend_options(CLI::App& app, OnnxRuntimeOptions& options) {
  static const std::map<std::string, Provider> providers{
      {"cpu", Provider::cpu}, {"cuda", Provider::cuda}, {"tensorrt", Provider::tensorrt}};
  app.add_option("--threads", options.threads, "Threads of inference; by default those of lmdm threads, else the physical cores.")->check(CLI::PositiveNumber);
  app.add_option("--library", options.library,
                 "Shared library of ONNX Runtime; by default $LMDM_ONNXRUNTIME, then beside this program, the loader, a Python wheel.");
  app.add_option("--provider", options.provider, "What runs the graphs: cpu, cuda or tensorrt.")
      ->transform(CLI::CheckedTransformer(providers, CLI::ignore_case).description(""))
      ->default_str("cpu");
}

int run(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : could_not_run;
  }
  try {
    return body();
  } catch (const Error& error) {
    std::cerr << app.get_name() << ": " << error.what() << "\n";
  } catch (const std::bad_alloc&) {
    std::cerr << app.get_name() << ": there is not enough memory; close other programs, or use a smaller instrument\n";
  } catch (const std::exception& error) {
    std::cerr << app.get_name() << ": " << error.what() << "\n";
  }
  return could_not_run;
}

}  // namespace lmdm::tools
