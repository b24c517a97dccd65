// A CUDA driver and an NVRTC that compute nothing, for tests of the engine's host side where there is no GPU: memory is the host's, kernels end at once without
// having run, every object is counted, and any call can be made to fail. Built by support/fake-driver.ts.
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { INVALID = 1, NO_MEMORY = 2, NOT_FOUND = 500, NOT_READY = 600 };

// ---- calls: how often, and which one fails ----

typedef struct Entry {
  const char *name;
  atomic_int calls;
  atomic_int known;
  struct Entry *next;
} Entry;
static _Atomic(Entry *) entries;
static char failing[64];
static atomic_int failing_after = 0;
static int failing_code = 0;

static int enter(Entry *entry, const char *name) {
  if (atomic_exchange(&entry->known, 1) == 0) {
    entry->name = name;
    entry->next = atomic_load(&entries);
    while (!atomic_compare_exchange_weak(&entries, &entry->next, entry)) {
    }
  }
  atomic_fetch_add(&entry->calls, 1);
  if (atomic_load(&failing_after) <= 0 || strcmp(failing, name) != 0) return 0;
  return atomic_fetch_sub(&failing_after, 1) == 1 ? failing_code : 0;
}
#define ENTER                                   \
  do {                                          \
    static Entry entry;                         \
    const int failed = enter(&entry, __func__); \
    if (failed) return failed;                  \
  } while (0)

// The call number `after` of a function from now on gives `code`; 0 for none.
void fake_fail(const char *name, int after, int code) {
  snprintf(failing, sizeof failing, "%s", name);
  failing_code = code;
  atomic_store(&failing_after, after);
}
// Whether the call that was to fail has come.
int fake_failed(void) { return atomic_load(&failing_after) == 0; }
// Names of all functions that were called, a line each.
void fake_called(char *to, int bytes) {
  int at = 0;
  to[0] = 0;
  for (Entry *e = atomic_load(&entries); e && at < bytes; e = e->next) at += snprintf(to + at, bytes - at, "%s\n", e->name);
}

// ---- objects ----

enum Kind { STREAM, EVENT, MODULE, GRAPH, EXEC, MEMORY, RANGE, MAPPING, DEVICE_MEMORY, HOST_MEMORY, GREEN, PROGRAM, KINDS };
static const char *const NAMES[] = {"stream", "event", "module", "graph", "exec", "memory", "range", "mapping", "device memory", "host memory", "green context", "program"};
static atomic_int live[KINDS];
static atomic_int launches, programmatic, clusters;

// What is alive, a line a kind: "stream: 2".
void fake_live(char *to, int bytes) {
  int at = 0;
  to[0] = 0;
  for (int k = 0; k < KINDS; k++)
    if (live[k] && at < bytes) at += snprintf(to + at, bytes - at, "%s: %d\n", NAMES[k], live[k]);
}
int fake_launches(void) { return launches; }
int fake_programmatic(void) { return programmatic; }
int fake_clusters(void) { return clusters; }

typedef struct Object {
  enum Kind kind;
  int capturing;
  uint64_t bytes;
} Object;
static void *make(enum Kind kind) {
  Object *object = calloc(1, sizeof *object);
  object->kind = kind;
  atomic_fetch_add(&live[kind], 1);
  return object;
}
static int end(void *p, enum Kind kind) {
  Object *object = p;
  if (!object || object->kind != kind) return INVALID;
  atomic_fetch_sub(&live[kind], 1);
  object->kind = KINDS;
  free(object);
  return 0;
}
// Memory of the host with its size in front of it, a page away.
enum { PAGE = 4096 };
static uint64_t take(uint64_t bytes, enum Kind kind) {
  uint8_t *base = mmap(0, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return 0;
  *(uint64_t *)base = bytes + PAGE;
  atomic_fetch_add(&live[kind], 1);
  return (uint64_t)(base + PAGE);
}
static int give(uint64_t address, enum Kind kind) {
  uint8_t *base = (uint8_t *)address - PAGE;
  atomic_fetch_sub(&live[kind], 1);
  return munmap(base, *(uint64_t *)base) ? INVALID : 0;
}

// ---- the driver ----

int cuInit(unsigned flags) { ENTER; return 0; }
int cuDriverGetVersion(int *version) { ENTER; *version = 13000; return 0; }
int cuGetErrorName(int error, const char **name) { *name = "CUDA_ERROR_ON_PURPOSE"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "made to fail"; return 0; }
int cuDeviceGetCount(int *count) { ENTER; const char *text = getenv("FAKE_GPUS"); *count = text ? atoi(text) : 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { ENTER; *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) { ENTER; snprintf(name, length, "Fake"); return 0; }
int cuDeviceGetUuid_v2(uint8_t *uuid, int device) { ENTER; memset(uuid, device, 16); return 0; }
int cuDeviceGetPCIBusId(char *text, int length, int device) { ENTER; snprintf(text, length, "0000:0%d:00.0", device); return 0; }
int cuDeviceTotalMem_v2(uint64_t *bytes, int device) { ENTER; *bytes = 1ull << 36; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER;
  *value = attribute == 16 ? 132 : attribute == 38 ? 1 << 20 : attribute == 75 ? 9 : attribute == 76 ? 0 : 1;
  return 0;
}
int cuDeviceCanAccessPeer(int *can, int device, int peer) { ENTER; *can = device != peer; return 0; }
int cuDeviceGetP2PAttribute(int *value, int attribute, int source, int target) { ENTER; *value = 1; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { ENTER; *context = (void *)(uintptr_t)(device + 1); return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { ENTER; return 0; }
int cuCtxSetCurrent(void *context) { ENTER; return 0; }
int cuCtxSynchronize(void) { ENTER; return 0; }
int cuCtxEnablePeerAccess(void *peer, unsigned flags) { ENTER; return 0; }

int cuStreamCreate(void **stream, unsigned flags) { ENTER; *stream = make(STREAM); return 0; }
int cuStreamDestroy_v2(void *stream) { ENTER; return end(stream, STREAM); }
int cuStreamQuery(void *stream) { ENTER; return 0; }
int cuStreamSynchronize(void *stream) { ENTER; return 0; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { ENTER; return 0; }
int cuStreamBeginCapture_v2(Object *stream, int mode) {
  ENTER;
  if (stream->capturing) return INVALID;
  stream->capturing = 1;
  return 0;
}
int cuStreamEndCapture(Object *stream, void **graph) {
  ENTER;
  if (!stream->capturing) return INVALID;
  stream->capturing = 0;
  *graph = make(GRAPH);
  return 0;
}
int cuStreamIsCapturing(Object *stream, int *status) { ENTER; *status = stream->capturing; return 0; }
int cuEventCreate(void **event, unsigned flags) { ENTER; *event = make(EVENT); return 0; }
int cuEventDestroy_v2(void *event) { ENTER; return end(event, EVENT); }
int cuEventRecord(void *event, void *stream) { ENTER; return 0; }
int cuEventQuery(void *event) { ENTER; return 0; }
int cuEventElapsedTime(float *milliseconds, void *start, void *stop) { ENTER; *milliseconds = 1; return 0; }
int cuGraphInstantiateWithFlags(void **exec, void *graph, uint64_t flags) { ENTER; *exec = make(EXEC); return 0; }
int cuGraphUpload(void *exec, void *stream) { ENTER; return 0; }
int cuGraphLaunch(void *exec, void *stream) { ENTER; return 0; }
int cuGraphExecDestroy(void *exec) { ENTER; return end(exec, EXEC); }
int cuGraphDestroy(void *graph) { ENTER; return end(graph, GRAPH); }

int cuModuleLoadData(void **module, void *image) { ENTER; *module = make(MODULE); return 0; }
int cuModuleUnload(void *module) { ENTER; return end(module, MODULE); }
int cuModuleGetFunction(void **fn, void *module, const char *name) { ENTER; *fn = module; return 0; }
int cuFuncSetAttribute(void *fn, int attribute, int value) { ENTER; return 0; }
int cuFuncGetAttribute(int *value, int attribute, void *fn) { ENTER; *value = 0; return 0; }
int cuFuncLoad(void *fn) { ENTER; return 0; }
int cuLaunchKernelEx(uint8_t *config, void *fn, void **parameters, void **extra) {
  ENTER;
  const uint32_t *words = (const uint32_t *)config;
  // A grid or block of nothing is refused by drivers.
  for (int i = 0; i < 6; i++)
    if (words[i] == 0) return INVALID;
  const uint8_t *attributes = *(const uint8_t **)(config + 40);
  const uint32_t count = *(const uint32_t *)(config + 48);
  atomic_fetch_add(&launches, 1);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t *attribute = (const uint32_t *)(attributes + 72 * i);
    if (attribute[0] == 6) atomic_fetch_add(&programmatic, attribute[2]);
    else if (attribute[0] == 4 && words[0] % attribute[2] == 0) atomic_fetch_add(&clusters, 1);
    else return INVALID;
  }
  return 0;
}

int cuMemAlloc_v2(uint64_t *address, uint64_t bytes) { ENTER; *address = take(bytes, DEVICE_MEMORY); return *address ? 0 : NO_MEMORY; }
int cuMemFree_v2(uint64_t address) { ENTER; return give(address, DEVICE_MEMORY); }
int cuMemGetInfo_v2(uint64_t *free_, uint64_t *total) { ENTER; *free_ = *total = 1ull << 36; return 0; }
int cuMemHostAlloc(void **address, uint64_t bytes, unsigned flags) { ENTER; *address = (void *)take(bytes, HOST_MEMORY); return 0; }
int cuMemFreeHost(void *address) { ENTER; return give((uint64_t)address, HOST_MEMORY); }
int cuMemHostRegister_v2(void *address, uint64_t bytes, unsigned flags) { ENTER; return 0; }
int cuMemHostUnregister(void *address) { ENTER; return 0; }
int cuMemHostGetDevicePointer_v2(uint64_t *address, void *host, unsigned flags) { ENTER; *address = (uint64_t)host; return 0; }
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, uint64_t bytes, void *stream) { ENTER; memmove((void *)to, (void *)from, bytes); return 0; }
int cuMemcpyPeerAsync(uint64_t to, void *a, uint64_t from, void *b, uint64_t bytes, void *stream) {
  ENTER;
  memmove((void *)to, (void *)from, bytes);
  return 0;
}
int cuMemcpyDtoH_v2(void *to, uint64_t from, uint64_t bytes) { ENTER; memcpy(to, (void *)from, bytes); return 0; }
int cuMemcpyHtoDAsync_v2(uint64_t to, void *from, uint64_t bytes, void *stream) { ENTER; memcpy((void *)to, from, bytes); return 0; }
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, uint64_t bytes, void *stream) { ENTER; memcpy(to, (void *)from, bytes); return 0; }
// Mailboxes, hundreds of MiB, are read by kernels only.
int cuMemsetD8Async(uint64_t to, uint8_t value, uint64_t bytes, void *stream) {
  ENTER;
  memset((void *)to, value, bytes < PAGE ? bytes : PAGE);
  return 0;
}
int cuMemsetD32Async(uint64_t to, uint32_t value, uint64_t words, void *stream) {
  ENTER;
  for (uint64_t i = 0; i < words; i++) ((uint32_t *)to)[i] = value;
  return 0;
}
int cuPointerGetAttribute(int *value, int attribute, uint64_t address) { ENTER; return INVALID; }

int cuMemGetAllocationGranularity(uint64_t *bytes, void *prop, int option) { ENTER; *bytes = 2 << 20; return 0; }
int cuMemCreate(void **memory, uint64_t bytes, void *prop, uint64_t flags) {
  ENTER;
  *memory = make(MEMORY);
  ((Object *)*memory)->bytes = bytes;
  return 0;
}
int cuMemRelease(void *memory) { ENTER; return end(memory, MEMORY); }
int cuMemAddressReserve(uint64_t *address, uint64_t bytes, uint64_t alignment, uint64_t at, uint64_t flags) {
  ENTER;
  *address = take(bytes, RANGE);
  return *address ? 0 : NO_MEMORY;
}
int cuMemAddressFree(uint64_t address, uint64_t bytes) { ENTER; return give(address, RANGE); }
int cuMemMap(uint64_t address, uint64_t bytes, uint64_t offset, Object *memory, uint64_t flags) {
  ENTER;
  if (memory->kind != MEMORY || memory->bytes < bytes) return INVALID;
  atomic_fetch_add(&live[MAPPING], 1);
  return 0;
}
int cuMemUnmap(uint64_t address, uint64_t bytes) { ENTER; atomic_fetch_sub(&live[MAPPING], 1); return 0; }
int cuMemSetAccess(uint64_t address, uint64_t bytes, void *desc, uint64_t count) { ENTER; return 0; }
int cuMemExportToShareableHandle(int *handle, void *memory, int type, uint64_t flags) { ENTER; return INVALID; }
int cuMemImportFromShareableHandle(void **memory, void *handle, int type) { ENTER; return INVALID; }

// ---- parts of a GPU: 132 multiprocessors, of which one group of 18 and others of 16 belong together ----

typedef struct Resource {
  int type;
  uint8_t padding[92];
  uint32_t count, fewest, multiple;
  uint8_t rest[36];
} Resource;
_Static_assert(sizeof(Resource) == 144, "CUdevResource");
int cuDeviceGetDevResource(int device, Resource *resource, int type) {
  ENTER;
  const char *fewest = getenv("FAKE_FEWEST");
  *resource = (Resource){.type = type, .count = 132, .fewest = fewest ? atoi(fewest) : 8, .multiple = 8};
  return 0;
}
int cuDevSmResourceSplitByCount(Resource *parts, uint32_t *count, const Resource *whole, Resource *rest, unsigned flags, uint32_t size) {
  ENTER;
  // A part of 64 is one too many for the groups, as it can be on GPUs.
  const uint32_t most = size >= 64 ? 1 : whole->count / size;
  if (*count > most) *count = most;
  for (uint32_t i = 0; i < *count; i++) parts[i] = (Resource){.type = 1, .count = size, .fewest = 8, .multiple = 8};
  return 0;
}
int cuDevResourceGenerateDesc(void **desc, Resource *resources, uint32_t count) { ENTER; *desc = resources->type == 1 ? (void *)1 : 0; return *desc ? 0 : INVALID; }
int cuGreenCtxCreate(void **green, void *desc, int device, unsigned flags) { ENTER; *green = make(GREEN); return flags == 1 ? 0 : INVALID; }
int cuGreenCtxDestroy(void *green) { ENTER; return end(green, GREEN); }
int cuCtxFromGreenCtx(void **context, void *green) { ENTER; *context = green; return 0; }
int cuGreenCtxStreamCreate(void **stream, void *green, unsigned flags, int priority) { ENTER; *stream = make(STREAM); return 0; }

// ---- NVRTC: any text is a cubin of four bytes ----

int nvrtcVersion(int *major, int *minor) { ENTER; *major = 13, *minor = 0; return 0; }
int nvrtcGetNumSupportedArchs(int *count) { ENTER; *count = 1; return 0; }
int nvrtcGetSupportedArchs(int *list) { ENTER; list[0] = 90; return 0; }
int nvrtcCreateProgram(void **program, const char *text, const char *name, int headers, const char **texts, const char **names) {
  ENTER;
  *program = make(PROGRAM);
  return 0;
}
int nvrtcCompileProgram(void *program, int count, const char **options) { ENTER; return 0; }
int nvrtcGetProgramLogSize(void *program, uint64_t *bytes) { ENTER; *bytes = 1; return 0; }
int nvrtcGetProgramLog(void *program, char *text) { ENTER; text[0] = 0; return 0; }
int nvrtcGetCUBINSize(void *program, uint64_t *bytes) { ENTER; *bytes = 4; return 0; }
int nvrtcGetCUBIN(void *program, uint8_t *cubin) { ENTER; memcpy(cubin, "\177ELF", 4); return 0; }
int nvrtcDestroyProgram(void **program) { ENTER; return end(*program, PROGRAM); }
const char *nvrtcGetErrorString(int result) { return "made to fail"; }
