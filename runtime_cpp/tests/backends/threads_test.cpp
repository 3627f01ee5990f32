// What `lmdm threads` leaves in a bundle. The cases are those of the Python runtime, which writes them: tests/runtime/thread_files.py.
#include <iterator>
#include <optional>

#include "backends/platform.h"
#include "backends/thread_choice.h"
#include "support.h"

namespace lmdm::testing {
namespace {

TEST(Threads, TheFilesThatPythonUsesAreUsedAndThoseThatItIgnoresIgnored) {
  int used = 0, ignored = 0;
  for (const auto& entry : std::filesystem::directory_iterator(bundle_folder("threads"))) {
    const std::string name = entry.path().filename();
    const auto choice = ort::thread_choice(entry.path());
    if (name.starts_with("used-")) {
      ++used;
      ASSERT_TRUE(choice.has_value()) << name << "; this machine is " << platform::cpu_model() << ", " << platform::usable_cores();
      EXPECT_EQ(choice->threads, 1) << name;
      EXPECT_TRUE(choice->spinning) << name;
    } else {
      ++ignored;
      EXPECT_FALSE(choice.has_value()) << name;
    }
  }
  EXPECT_GE(used, 2);
  EXPECT_GE(ignored, 40);
  EXPECT_FALSE(ort::thread_choice(bundle_folder("encoder-decoder")).has_value());
  EXPECT_FALSE(ort::thread_choice("/nowhere").has_value());
}

#ifdef __linux__
/// Threads that this process has more of once a graph is loaded: those of the graph but the caller.
std::ptrdiff_t threads_begun(const std::string& bundle, int threads) {
  const auto running = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}); };
  const Bundle loaded = load(bundle);
  OnnxRuntimeOptions options;
  options.threads = threads;
  const auto backend = make_onnxruntime_backend(loaded, options);
  const auto before = running();
  const auto binding = backend->bind("cached_decoder", buffers_for(*backend, loaded.graph("cached_decoder")));
  return running() - before;
}

TEST(Threads, AChoiceAppliesWhereNoNumberIsNamed) {
  EXPECT_EQ(threads_begun("measured", 0), 0);
  EXPECT_EQ(threads_begun("measured", 3), 2);
  EXPECT_EQ(threads_begun("encoder-decoder", 0), platform::physical_cores() - 1);
}
#endif

}  // namespace
}  // namespace lmdm::testing
