/* Moves a process's wall clock by what a file says: preload it, and name the file (8 bytes, seconds in
 * the machine's order) in MOVED_CLOCK_FILE. Monotonic clocks go on as they are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_s;

__attribute__((constructor)) static void look_at_the_file(void) {
  const char *path = getenv("MOVED_CLOCK_FILE");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *ahead_s, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) ahead_s = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  /* Past libc: it may not be ready yet when an allocator asks for the time. */
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (!failed && is_wall && ahead_s != NULL) now->tv_sec += *ahead_s;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec read;
  (void)zone;
  int failed = clock_gettime(CLOCK_REALTIME, &read);
  if (!failed) *now = (struct timeval){read.tv_sec, read.tv_nsec / 1000};
  return failed;
}

time_t time(time_t *kept) {
  struct timespec read;
  if (clock_gettime(CLOCK_REALTIME, &read)) return -1;
  if (kept != NULL) *kept = read.tv_sec;
  return read.tv_sec;
}
