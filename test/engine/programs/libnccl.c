// A library with NCCL's functions that does nothing but write down, a line a call, what it was called with. Compiled by the test with
// -DVERSION=... -DLOG="...". A communicator is 1000 + its rank, the second of a rank 2000 + it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void line(const char *text) {
  FILE *log = fopen(LOG, "a");
  fputs(text, log);
  fclose(log);
}
#define SAY(...)                          \
  do {                                    \
    char text[256];                       \
    snprintf(text, 256, __VA_ARGS__);     \
    line(text);                           \
  } while (0)
#define N(x) (long)(x)

int ncclGetVersion(int *version) {
  SAY("- NVLS=%s\n", getenv("NCCL_NVLS_ENABLE"));
  *version = VERSION;
  return 0;
}
int ncclGetUniqueId(void *id) {
  memset(id, 0x5a, 128);
  return 0;
}
int ncclCommInitRankScalable(void **comm, int ranks, int rank, int ids, unsigned char *id, unsigned *config) {
  static __thread int made;
  made++;
  SAY("%d init ranks=%d ids=%d id=%x..%x config=%u\n", rank, ranks, ids, id[0], id[127], config ? config[0] : 0);
#ifdef FAIL_RANK
  if (rank == FAIL_RANK) return 2;
#endif
  *comm = (void *)N(1000 * made + rank);
  return 0;
}
int ncclCommDestroy(void *c) {
  SAY("%ld destroy %ld\n", N(c) % 1000, N(c));
  return 0;
}
int ncclCommAbort(void *c) {
  SAY("%ld abort %ld\n", N(c) % 1000, N(c));
  return 0;
}
int ncclCommGetAsyncError(void *c, int *result) {
  (void)c;
  *result = 6;
  return 0;
}
const char *ncclGetErrorString(int result) { return result == 6 ? "a peer is gone" : "it did not work"; }
const char *ncclGetLastError(void *c) {
  (void)c;
  return "\nsocket closed\n";
}
int ncclAllReduce(void *s, void *r, size_t n, int t, int op, void *c, void *stream) {
  SAY("%ld all_reduce %lx %lx n=%ld t=%d op=%d c=%ld s=%lx\n", N(c) % 1000, N(s), N(r), N(n), t, op, N(c), N(stream));
  return t == 6 ? 4 : 0;
}
int ncclAllGather(void *s, void *r, size_t n, int t, void *c, void *stream) {
  SAY("%ld all_gather %lx %lx n=%ld t=%d c=%ld s=%lx\n", N(c) % 1000, N(s), N(r), N(n), t, N(c), N(stream));
  return 0;
}
int ncclReduceScatter(void *s, void *r, size_t n, int t, int op, void *c, void *stream) {
  SAY("%ld reduce_scatter %lx %lx n=%ld t=%d op=%d c=%ld s=%lx\n", N(c) % 1000, N(s), N(r), N(n), t, op, N(c), N(stream));
  return 0;
}
int ncclBroadcast(void *s, void *r, size_t n, int t, int root, void *c, void *stream) {
  SAY("%ld broadcast %lx %lx n=%ld t=%d root=%d c=%ld s=%lx\n", N(c) % 1000, N(s), N(r), N(n), t, root, N(c), N(stream));
  return 0;
}
int ncclReduce(void *s, void *r, size_t n, int t, int op, int root, void *c, void *stream) {
  SAY("%ld reduce %lx %lx n=%ld t=%d op=%d root=%d c=%ld s=%lx\n", N(c) % 1000, N(s), N(r), N(n), t, op, root, N(c), N(stream));
  return 0;
}
int ncclGroupStart(void) { return 0; }
int ncclGroupEnd(void) { return 0; }
int ncclCommWindowRegister(void *c, void *a, size_t n, void **window, int flags) {
  SAY("%ld register %lx n=%ld flags=%d was=%ld\n", N(c) % 1000, N(a), N(n), flags, N(*window));
#ifndef NO_WINDOW
  *window = (void *)0x7000;
#endif
  return 0;
}
int ncclCommWindowDeregister(void *c, void *window) {
  SAY("%ld deregister %lx\n", N(c) % 1000, N(window));
  return 0;
}
