// The CUDA driver's calls over host memory: what a test checks is that arguments arrive as cuda.h declares them, and what is recorded.
// With -DREAL_HEADER=1 the compiler holds every signature against cuda.h.
#include <stdlib.h>
#include <string.h>

#ifdef REAL_HEADER
#include <cuda.h>
#else
typedef int CUresult, CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;
typedef int CUstreamCaptureMode, CUdevice_attribute;
#endif

typedef void (*Work)(void *);
typedef struct {
  Work work;
  void *argument;
  CUdeviceptr target, source;
  size_t size;
} Operation;

enum { MOST = 4096 };
struct CUgraph_st {
  Operation operations[MOST];
  int count;
};
static struct CUgraph_st *capturing;
static int sentinel, synchronisations, launches;
long fake_allocations, fake_frees;
int fake_break_capture;

int fake_synchronisations(void) { return synchronisations; }
int fake_launches(void) { return launches; }

static void perform(const Operation *operation) {
  if (operation->work)
    operation->work(operation->argument);
  else
    memcpy((void *)operation->target, (const void *)operation->source, operation->size);
}

static CUresult put(Operation operation, CUstream stream) {
  if ((void *)stream != &sentinel) return 400;
  if (!capturing)
    perform(&operation);
  else if (capturing->count < MOST)
    capturing->operations[capturing->count++] = operation;
  return 0;
}

// What an engine's execution puts on the stream.
int fake_enqueue(Work work, void *argument, CUstream stream) {
  Operation operation = {work, argument, 0, 0, 0};
  return put(operation, stream);
}

CUresult cuInit(unsigned int flags) { return flags == 0 ? 0 : 1; }
CUresult cuDriverGetVersion(int *version) { *version = 13010; return 0; }
CUresult cuGetErrorString(CUresult status, const char **text) { *text = status == 2 ? "out of memory" : "invalid argument"; return 0; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) { *device = ordinal; return 0; }
CUresult cuDeviceGetName(char *name, int length, CUdevice device) { strncpy(name, "Fake GPU", (size_t)length); return device; }
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) { *value = attribute == 75 ? 8 : 9; return device; }
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) { *context = (CUcontext)&sentinel; return device; }
CUresult cuCtxSetCurrent(CUcontext context) { return (void *)context == &sentinel ? 0 : 201; }
CUresult cuMemAlloc_v2(CUdeviceptr *pointer, size_t size) {
  if (size > (size_t)1 << 40) return 2;
  if (capturing) return 900;
  *pointer = (CUdeviceptr)malloc(size);
  memset((void *)*pointer, 0xAB, size);
  fake_allocations++;
  return 0;
}
CUresult cuMemFree_v2(CUdeviceptr pointer) { free((void *)pointer); fake_frees++; return 0; }
CUresult cuMemsetD8Async(CUdeviceptr pointer, unsigned char value, size_t count, CUstream stream) {
  memset((void *)pointer, value, count);
  return (void *)stream == &sentinel ? 0 : 400;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t size, CUstream stream) {
  Operation operation = {0, 0, target, (CUdeviceptr)source, size};
  return capturing ? 900 : put(operation, stream);
}
CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t size, CUstream stream) {
  Operation operation = {0, 0, (CUdeviceptr)target, source, size};
  return capturing ? 900 : put(operation, stream);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t size, CUstream stream) {
  Operation operation = {0, 0, target, source, size};
  return put(operation, stream);
}
CUresult cuStreamCreate(CUstream *stream, unsigned int flags) { *stream = (CUstream)&sentinel; return flags == 1 ? 0 : 1; }
CUresult cuStreamSynchronize(CUstream stream) {
  if (capturing) return 900;
  synchronisations++;
  return (void *)stream == &sentinel ? 0 : 400;
}
CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  if (capturing || fake_break_capture || (void *)stream != &sentinel || mode != 1) return 900;
  capturing = calloc(1, sizeof *capturing);
  return 0;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  *graph = capturing;
  capturing = 0;
  return (void *)stream == &sentinel ? 0 : 400;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags) {
  struct CUgraph_st *copy = malloc(sizeof *copy);
  memcpy(copy, graph, sizeof *copy);
  *executable = (CUgraphExec)copy;
  return flags == 0 ? 0 : 1;
}
CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  const struct CUgraph_st *graph = (const struct CUgraph_st *)executable;
  for (int index = 0; index < graph->count; index++) perform(&graph->operations[index]);
  launches++;
  return (void *)stream == &sentinel ? 0 : 400;
}
CUresult cuGraphExecDestroy(CUgraphExec executable) { free(executable); return 0; }
CUresult cuGraphDestroy(CUgraph graph) { free(graph); return 0; }
