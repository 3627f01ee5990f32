// Buffers as CUDA has them (allocated by a session's allocator, copied by a graph that copies) on the one device that is everywhere.
#include "backends/buffers.h"
#include "support.h"

namespace lmdm::testing {
namespace {

TEST(DeviceMemory, ValuesComeBack) {
  const auto library = ort::Library::open({});
  const auto memory = ort::device_memory(library, one_thread(), "Cpu");
  for (const DType type : {DType::float32, DType::float16, DType::int64, DType::int32, DType::boolean}) {
    const Port port{"values", {2, 1, 3}, type};
    const auto buffer = memory->buffer(port);
    std::vector<std::byte> values(port.bytes()), read(port.bytes(), std::byte{7});
    buffer->read(read);
    EXPECT_EQ(read, values) << name(type) << " is not zero at first";
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<std::byte>(type == DType::boolean ? i % 2 : i + 1);
    }
    void* const address = buffer->address();
    for (int turn = 0; turn < 2; ++turn) {
      buffer->write(values);
      buffer->read(read);
      EXPECT_EQ(read, values) << name(type);
      values.front() = static_cast<std::byte>(1 - turn);
    }
    EXPECT_EQ(buffer->address(), address);
  }
}

TEST(DeviceMemory, WrongSizesAreRefused) {
  const auto memory = ort::device_memory(ort::Library::open({}), one_thread(), "Cpu");
  const auto buffer = memory->buffer({"x", {4}, DType::float32});
  expect_error(ErrorKind::runtime, {"12 bytes, it has 16"}, [&] { buffer->write_values<float>(std::vector<float>(3)); });
}

}  // namespace
}  // namespace lmdm::testing
