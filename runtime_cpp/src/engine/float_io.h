#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lmdm/backend.h"

/// Float values in and out of buffers that hold float32 or float16.
namespace lmdm {

/// Copies host values in, rounded to the buffer's type; exactly `port().count()` values.
/// Throws Error(bundle): the buffer holds no floats.
void write_floats(Buffer& buffer, std::span<const float> values);
/// Copies the values to the host; exactly `port().count()` values.
/// Throws Error(bundle): the buffer holds no floats.
void read_floats(const Buffer& buffer, std::span<float> values);
[[nodiscard]] std::vector<float> read_floats(const Buffer& buffer);

}  // namespace lmdm
