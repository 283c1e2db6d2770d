/* Shifts the wall clock of a process, as the file in GAUNTLET_WALL_CLOCK says; see clock_file.py.
 *
 * Preloaded with LD_PRELOAD. Monotonic clocks stay as they are. The file is mapped, so a change
 * takes effect at the next reading, also in processes that were forked meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <dlfcn.h>

#define NS_PER_S 1000000000LL
/* A writer that has died between two changes must not keep readers waiting. */
#define ATTEMPTS_MAX 1000

struct shift {
    int64_t version;   /* odd while the other fields change */
    int64_t offset_ns; /* added to the wall clock */
    int64_t drift_ppb; /* added for each second since `since_ns`, in billionths of it */
    int64_t since_ns;  /* of the monotonic clock */
    int64_t readings;  /* how often a shifted time was returned */
};

static struct shift *shift;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void map_file(void) {
    const char *path = getenv("GAUNTLET_WALL_CLOCK");
    struct stat found;
    real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    if (fstat(file, &found) == 0 && found.st_size >= (off_t)sizeof(struct shift)) {
        void *mapped =
            mmap(NULL, sizeof(struct shift), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED)
            shift = mapped;
    }
    close(file);
}

static int read_clock(clockid_t id, struct timespec *now) {
    /* Other libraries may ask for the time before this one is set up. */
    return real_gettime != NULL ? real_gettime(id, now) : (int)syscall(SYS_clock_gettime, id, now);
}

static int64_t shift_ns(void) {
    int64_t version = 0, offset_ns = 0, drift_ppb = 0, since_ns = 0;
    if (shift == NULL)
        return 0;
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        version = __atomic_load_n(&shift->version, __ATOMIC_ACQUIRE);
        offset_ns = __atomic_load_n(&shift->offset_ns, __ATOMIC_RELAXED);
        drift_ppb = __atomic_load_n(&shift->drift_ppb, __ATOMIC_RELAXED);
        since_ns = __atomic_load_n(&shift->since_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(version & 1) && version == __atomic_load_n(&shift->version, __ATOMIC_RELAXED))
            break;
    }
    if (drift_ppb != 0) {
        struct timespec now;
        read_clock(CLOCK_MONOTONIC, &now);
        int64_t passed_ns = now.tv_sec * NS_PER_S + now.tv_nsec - since_ns;
        offset_ns += (int64_t)((double)passed_ns * (double)drift_ppb / (double)NS_PER_S);
    }
    if (offset_ns != 0)
        __atomic_fetch_add(&shift->readings, 1, __ATOMIC_RELAXED);
    return offset_ns;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int status = read_clock(id, now);
    if (status == 0 && now != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t offset_ns = shift_ns();
        if (offset_ns != 0) {
            int64_t shifted_ns = now->tv_sec * NS_PER_S + now->tv_nsec + offset_ns;
            now->tv_sec = shifted_ns / NS_PER_S;
            now->tv_nsec = shifted_ns % NS_PER_S;
        }
    }
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    if (now != NULL && clock_gettime(CLOCK_REALTIME, &precise) == 0) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return 0;
}

time_t time(time_t *seconds) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds != NULL)
        *seconds = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}
