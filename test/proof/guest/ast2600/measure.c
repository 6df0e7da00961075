/*
 * measure OUT -- COMMAND...: runs a command and writes to OUT, as JSON, what it took: seconds of wall and CPU time, its
 * exit code (128 + signal), its peak resident set, its largest anonymous memory (Pss_Anon), the machine's
 * MemAvailable before it and at its lowest, and by how much tmpfs grew. KiB. Exits as the command did.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* MemAvailable is cheap to ask for; smaps_rollup walks the page tables of the process, so more rarely. */
enum { SAMPLE_US = 10000, ROLLUP_EVERY = 8 };

static char text[8192];

static int load(const char *path)
{
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof text - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static long field(const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

static void raise_to(long *peak, long value)
{
	if (value > *peak)
		*peak = value;
}

int main(int argc, char **argv)
{
	long before, lowest, shmem, shmem_peak, anon = 0;
	char rollup[64];
	struct rusage used;
	int status, code;
	double began;
	pid_t child;
	FILE *out;

	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		fputs("usage: measure OUT -- COMMAND...\n", stderr);
		return 2;
	}
	if (!load("/proc/meminfo"))
		return 2;
	before = lowest = field("MemAvailable:");
	shmem = shmem_peak = field("Shmem:");
	began = now();
	child = fork();
	if (child < 0)
		return 2;
	if (child == 0) {
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	snprintf(rollup, sizeof rollup, "/proc/%d/smaps_rollup", (int)child);
	for (unsigned tick = 0; wait4(child, &status, WNOHANG, &used) == 0; tick++) {
		if (load("/proc/meminfo")) {
			long available = field("MemAvailable:");

			if (available < lowest)
				lowest = available;
			raise_to(&shmem_peak, field("Shmem:"));
		}
		if (tick % ROLLUP_EVERY == 0 && load(rollup))
			raise_to(&anon, field("Pss_Anon:"));
		usleep(SAMPLE_US);
	}
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	out = fopen(argv[1], "w");
	if (!out)
		return 2;
	fprintf(out,
		"{\"wall\":%.3f,\"user\":%.3f,\"system\":%.3f,\"code\":%d,\"rss\":%ld,\"anon\":%ld,"
		"\"availableBefore\":%ld,\"availableLowest\":%ld,\"tmpfs\":%ld}\n",
		now() - began, seconds(used.ru_utime), seconds(used.ru_stime), code, used.ru_maxrss, anon, before,
		lowest, shmem_peak - shmem);
	return fclose(out) == 0 ? code : 2;
}
