// A library as ONNX Runtime 1.15 presents itself, for the sentence that refuses it.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

extern "C" __attribute__((visibility("default"))) const OrtApiBase* ORT_API_CALL OrtGetApiBase() NO_EXCEPTION {
  static const OrtApiBase base{[](uint32_t) noexcept -> const OrtApi* { return nullptr; }, []() noexcept { return "1.15.1"; }};
  return &base;
}
