#include "run/progress.h"

#include <unistd.h>

#include <iostream>

namespace lmdm::run {
namespace {

constexpr std::uint64_t width = 30;

}  // namespace

Progress::Progress(std::uint64_t total, bool wanted) : total_(total), shown_(wanted && isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  clear();
}

void Progress::at(std::uint64_t done) {
  if (!shown_) return;
  const auto filled = static_cast<std::size_t>(width * done / total_);
  std::cerr << "\rgenerating [" << std::string(filled, '=') << std::string(width - filled, ' ') << "] " << 100 * done / total_ << " %"
            << std::flush;
}

void Progress::say(const std::string& sentence) {
  if (sentence.empty()) return;
  clear();
  std::cerr << sentence << "\n";
}

void Progress::clear() {
  if (shown_) std::cerr << "\r\033[K" << std::flush;
}

}  // namespace lmdm::run
