#pragma once

#include <stdexcept>
#include <string>

#include "lmdm/export.h"

namespace lmdm {

/// Whose fault it is; the numbers are those of the C ABI.
enum class ErrorKind {
  bundle = 1,       ///< a bundle that is missing, damaged, of another format, or hostile
  session = 2,      ///< a request that this instrument cannot serve
  runtime = 3,      ///< a graph failed, or a block is not finite
  environment = 4,  ///< the machine lacks something, such as ONNX Runtime
  cancelled = 5,    ///< `Generator::cancel` was called
};

/// One sentence: what, what was found, what was expected, and what to run next. The same sentences as the Python runtime.
class LMDM_EXPORT Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& sentence) : std::runtime_error(sentence), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace lmdm
