#pragma once

/// All of the C++ API. The C ABI is in lmdm/c.h.
#include "lmdm/array.h"
#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "lmdm/error.h"
#include "lmdm/generator.h"
#include "lmdm/live_processor.h"
#include "lmdm/manifest.h"
#include "lmdm/noise.h"
#include "lmdm/onnxruntime.h"
