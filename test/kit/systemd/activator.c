/*
 * What systemd does for sluice.socket and sluice.service, and no more: `activator FOLDER WATCHDOG_USEC PROGRAM ARGS...`
 *
 * Listens on a TCP port of loopback and on FOLDER/http.sock and, whenever something has connected and the program does
 * not run, starts it with both as descriptors 3 and 4; it never accepts. NOTIFY_SOCKET is FOLDER/notify. What happens
 * is told on standard output, a line each with milliseconds of the monotonic clock in front: `port N`, `start PID`,
 * `exit PID CODE`, `notify PID TEXT`, with line breaks in TEXT as `;`. SIGTERM goes on to the program, and ends it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ending;
static pid_t child;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_signal(int number) {
  if (number != SIGTERM) return;
  ending = 1;
  if (child > 0) kill(child, SIGTERM);
}

static void stamp(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  printf("%.3f ", (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6);
}

static int unix_socket(int type, const char *folder, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) die(address.sun_path);
  return fd;
}

static int tcp_socket(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 128) != 0) die("tcp");
  return fd;
}

static void tell_port(int fd) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) die("getsockname");
  stamp();
  printf("port %d\n", ntohs(address.sin_port));
}

static pid_t start(int tcp, int local, const char *folder, const char *watchdog, char **argv) {
  char text[128];
  pid_t pid;
  fflush(stdout);
  pid = fork();
  if (pid < 0) die("fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Out of the way of 3 and 4 first. */
  tcp = fcntl(tcp, F_DUPFD, 10);
  local = fcntl(local, F_DUPFD, 10);
  if (dup2(tcp, 3) != 3 || dup2(local, 4) != 4) die("dup2");
  close(tcp);
  close(local);
  snprintf(text, sizeof text, "%d", (int)getpid());
  setenv("LISTEN_PID", text, 1);
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_FDNAMES", "http:local", 1);
  snprintf(text, sizeof text, "%s/notify", folder);
  setenv("NOTIFY_SOCKET", text, 1);
  if (strcmp(watchdog, "0") != 0) {
    setenv("WATCHDOG_USEC", watchdog, 1);
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("WATCHDOG_PID", text, 1);
  }
  execvp(argv[0], argv);
  die(argv[0]);
  return -1;
}

static void hear(int notify) {
  char text[4097], control[CMSG_SPACE(sizeof(struct ucred))];
  struct iovec part = {text, sizeof text - 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *head;
  struct ucred who = {0};
  ssize_t length = recvmsg(notify, &message, MSG_DONTWAIT);
  if (length < 0) return;
  head = CMSG_FIRSTHDR(&message);
  if (head != NULL && head->cmsg_type == SCM_CREDENTIALS) memcpy(&who, CMSG_DATA(head), sizeof who);
  for (ssize_t i = 0; i < length; i++) {
    if (text[i] == '\n') text[i] = ';';
  }
  text[length] = '\0';
  stamp();
  printf("notify %d %s\n", (int)who.pid, text);
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = on_signal};
  int tcp, local, notify, on = 1, status;
  if (argc < 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigaction(SIGTERM, &action, NULL);
  /* Only so that it ends a poll. */
  sigaction(SIGCHLD, &action, NULL);
  tcp = tcp_socket();
  local = unix_socket(SOCK_STREAM, argv[1], "http.sock");
  if (listen(local, 128) != 0) die("listen");
  notify = unix_socket(SOCK_DGRAM, argv[1], "notify");
  if (setsockopt(notify, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) die("SO_PASSCRED");
  tell_port(tcp);
  for (;;) {
    struct pollfd fds[] = {{notify, POLLIN, 0}, {child > 0 ? -1 : tcp, POLLIN, 0}, {child > 0 ? -1 : local, POLLIN, 0}};
    /* A child that ends between the look at it and the poll is seen by the next turn. */
    int ready = poll(fds, 3, 50);
    if (ready < 0 && errno != EINTR) die("poll");
    if (ready > 0 && fds[0].revents != 0) hear(notify);
    if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
      while (poll(fds, 1, 0) > 0) hear(notify);
      stamp();
      printf("exit %d %d\n", (int)child, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      child = 0;
      continue;
    }
    if (ending && child == 0) return 0;
    if (ready > 0 && child == 0 && ((fds[1].revents | fds[2].revents) & POLLIN) != 0) {
      stamp();
      child = start(tcp, local, argv[1], argv[2], argv + 3);
      printf("start %d\n", (int)child);
    }
  }
}
