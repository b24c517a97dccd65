/**
 * @file Times MPI_Allreduce (float, MPI_SUM, out of place) over sizes, as src/measure/ times crossover: the slowest rank counts, medians
 * of samples that last a while. Prints a line about the library, then one line of JSON a size.
 *
 *   mpirun -np 2 openmpi_allreduce [-b bytes] [-e bytes] [-f factor] [-t seconds a size] [-p touched|plain]
 *
 * plain    calls back to back on the same two buffers, as osu_allreduce and all_reduce_perf do
 * touched  buffers rotate; before each call a rank rewrites one byte of every cache line of its input and reads one of every line of its
 *          output, as the layers of a model do; the median time of doing only that is taken off
 */
#include <math.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The same numbers as in src/measure/. */
enum { LINE = 64, PAGE = 4096, MOST_SETS = 8, FEWEST_SAMPLES = 15, MOST_SAMPLES = 400, MOST_CALLS = 1 << 20 };
static const double ROTATED_BYTES = 16 * 1024 * 1024;
static const double SAMPLE_US = 250, WARM_UP_US = 300e3, LEAST_US = 0.005;

static int rank, ranks;

static struct {
  float *in, *out;
} sets[MOST_SETS];
static int set_count, next_set;
static size_t bytes;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* A number that is the same on all ranks: loops that call MPI must end on all of them alike. */
static double slowest(double value) {
  double most;
  MPI_Allreduce(&value, &most, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return most;
}

/* Multiples of 1/8 from -1 to 1: sums over up to 16 ranks are exact. */
static float pattern(int of_rank, size_t i) { return (float)((int)((i * 7 + of_rank * 13) % 17) - 8) / 8; }

static void make_sets(bool rotate) {
  int wanted = (int)ceil(ROTATED_BYTES / (2.0 * bytes));
  set_count = !rotate ? 1 : wanted < 1 ? 1 : wanted > MOST_SETS ? MOST_SETS : wanted;
  for (int s = 0; s < set_count; s++) {
    if (posix_memalign((void **)&sets[s].in, PAGE, bytes) || posix_memalign((void **)&sets[s].out, PAGE, bytes)) {
      fprintf(stderr, "openmpi_allreduce: no memory for buffers of %zu bytes\n", bytes);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (size_t i = 0; i < bytes / sizeof(float); i++) sets[s].in[i] = pattern(rank, i);
    memset(sets[s].out, 0, bytes);
  }
  next_set = 0;
}

static void free_sets(void) {
  for (int s = 0; s < set_count; s++) {
    free(sets[s].in);
    free(sets[s].out);
  }
}

/* volatile: the compiler must not leave out what has no effect. */
static void touch(float *in, const float *out) {
  volatile char *written = (volatile char *)in;
  const volatile char *read = (const volatile char *)out;
  for (size_t i = 0; i < bytes; i += LINE) written[i] = written[i];
  for (size_t i = 0; i < bytes; i += LINE) (void)read[i];
}

static void all_reduce(int s) {
  MPI_Allreduce(sets[s].in, sets[s].out, (int)(bytes / sizeof(float)), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static void verify(void) {
  all_reduce(0);
  for (size_t i = 0; i < bytes / sizeof(float); i++) {
    float sum = 0;
    for (int r = 0; r < ranks; r++) sum += pattern(r, i);
    if (sets[0].out[i] == sum) continue;
    fprintf(stderr, "openmpi_allreduce: element %zu is %g, must be %g\n", i, sets[0].out[i], sum);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
}

/* Something that is timed: calls, touching, or both, so many times a sample. */
struct contender {
  bool touches, calls;
  int repeats;
  double samples[MOST_SAMPLES];
};

/* Microseconds an operation on this rank. */
static double sample(const struct contender *c) {
  MPI_Barrier(MPI_COMM_WORLD);
  double start = now_us();
  for (int i = 0; i < c->repeats; i++) {
    int s = next_set;
    next_set = s + 1 == set_count ? 0 : s + 1;
    if (c->touches) touch(sets[s].in, sets[s].out);
    if (c->calls) all_reduce(s);
  }
  return (now_us() - start) / c->repeats;
}

/* Sets the repeats so that a sample lasts SAMPLE_US, or once over all buffers. Returns how long it lasts, us. */
static double calibrate(struct contender *c) {
  c->repeats = set_count;
  for (;;) {
    sample(c);
    double lasts = slowest(sample(c)) * c->repeats;
    if (lasts >= SAMPLE_US || c->repeats >= MOST_CALLS) return lasts;
    double more = ceil(1.1 * SAMPLE_US / fmax(lasts, 0.1) * c->repeats / set_count) * set_count;
    c->repeats = more > MOST_CALLS ? MOST_CALLS : (int)more;
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median, and half of its 95 % confidence interval: see src/measure/statistics.ts. */
static double median(double *samples, int n, double *spread) {
  qsort(samples, n, sizeof(double), ascending);
  int from = (int)fmax(0, floor(n / 2.0 - 0.98 * sqrt(n)));
  *spread = (samples[n - 1 - from] - samples[from]) / 2;
  return (samples[(n - 1) / 2] + samples[n / 2]) / 2;
}

static void time_size(bool touched, double seconds, bool first) {
  static struct contender work, idle;
  work.calls = true;
  work.touches = idle.touches = touched;
  make_sets(touched);
  verify();
  double round_us = calibrate(&work) + (touched ? calibrate(&idle) : 0);
  for (double start = now_us(); first && slowest(now_us() - start) < WARM_UP_US;) sample(&work);

  int n = (int)fmax(FEWEST_SAMPLES, fmin(MOST_SAMPLES, seconds * 1e6 / round_us));
  for (int i = 0; i < n; i++) {
    work.samples[i] = sample(&work);
    if (touched) idle.samples[i] = sample(&idle);
  }
  struct contender *both[] = {&work, &idle};
  for (int k = 0; k < (touched ? 2 : 1); k++) {
    void *own = both[k]->samples;
    MPI_Reduce(rank == 0 ? MPI_IN_PLACE : own, own, n, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  }
  double spread, ignored;
  double off = touched ? median(idle.samples, n, &ignored) : 0;
  double us = fmax(LEAST_US, median(work.samples, n, &spread) - off);
  if (rank == 0) {
    printf("{\"bytes\": %zu, \"us\": %.4f, \"spread\": %.4f, \"samples\": %d, \"touching\": %.4f}\n", bytes, us, spread, n, off);
    fflush(stdout);
  }
  free_sets();
}

/* How large messages cross between processes: with one copy (cma) or through a shared buffer (none), as the sandbox allows. */
static const char *single_copy(void) {
  static const char *const names[] = {"xpmem", "cma", "knem", "none", "emulated"};
  int provided, index, count, value = -1;
  MPI_T_cvar_handle handle;
  MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
  if (MPI_T_cvar_get_index("btl_vader_single_copy_mechanism", &index) == MPI_SUCCESS) {
    MPI_T_cvar_handle_alloc(index, NULL, &handle, &count);
    MPI_T_cvar_read(handle, &value);
    MPI_T_cvar_handle_free(&handle);
  }
  MPI_T_finalize();
  return value >= 0 && value < 5 ? names[value] : "unknown";
}

int main(int argc, char **argv) {
  double begin = 1024, end = 64 * 1024 * 1024, factor = 2, seconds = 1;
  bool touched = true;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  for (int option; (option = getopt(argc, argv, "b:e:f:t:p:")) != -1;) {
    if (option == 'b') begin = atof(optarg);
    else if (option == 'e') end = atof(optarg);
    else if (option == 'f') factor = atof(optarg);
    else if (option == 't') seconds = atof(optarg);
    else if (option == 'p') touched = strcmp(optarg, "plain") != 0;
    else MPI_Abort(MPI_COMM_WORLD, 2);
  }
  if (!(begin >= 1 && end <= 1 << 30 && factor > 1)) {
    if (rank == 0) fprintf(stderr, "openmpi_allreduce: use -b from 1, -e up to 2^30, -f above 1\n");
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI_Get_library_version(version, &length);
  version[strcspn(version, ",")] = 0;
  if (rank == 0) printf("{\"library\": \"%s\", \"singleCopy\": \"%s\"}\n", version, single_copy());

  bool first = true;
  for (double size = begin; size <= end; size = fmax(size + 1, floor(size * factor + 0.5))) {
    bytes = (size_t)fmax(1, floor(size / sizeof(float) + 0.5)) * sizeof(float);
    time_size(touched, seconds, first);
    first = false;
  }
  MPI_Finalize();
  return 0;
}
