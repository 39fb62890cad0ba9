/* The server that the ruler measures: HTTP/1.1 with keep-alive, service times from a file, every request logged.
 *
 * The service is defined in work time, which stands still while the server is frozen:
 *   W(t)   = seconds up to t in which the server was not frozen; freezes are the last part of each period, and periods
 *            count from half a period before the first request, so that no run begins or ends in a freeze
 *   start  = W(read), or, with --fifo, the finish of the request before it if that is later
 *   finish = start + draw,  the reply is due at the latest t with W(t) = finish
 * A frozen server still reads, so that the log knows when each request came; it answers nothing.
 * A draw that is not a number resets the connection instead of answering.
 *
 * Written in C because the truth of a 0.4 ms service must not carry the jitter of an interpreter.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#define CONNECTIONS 65536
#define BUFFER 65536
#define RESET 1u
#define LOST 2u

static const char REPLY[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\r\n"
                            "{\"outputs\": [{\"data\": [0.5]}]}";

struct record { double read, due, write; uint32_t connection, flags; };
struct connection { char *bytes; size_t held; uint32_t number; int busy; };
struct pending { double due; uint32_t record; int fd; uint32_t number; };

static struct connection table[CONNECTIONS];
static struct record *records;
static size_t served, records_room;
static struct pending *heap;
static size_t waiting, heap_room;
static double *draws;
static size_t draw_count;
static double freeze_every, freeze_for, epoch, free_at, phase;
static int fifo, poll_fd, timer_fd;
static uint32_t connections_seen;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9 - epoch;
}

static double work(double t) {
  if (freeze_every <= 0) return t;
  t += phase;
  double period = floor(t / freeze_every), rest = t - period * freeze_every, awake = freeze_every - freeze_for;
  return period * awake + (rest < awake ? rest : awake);
}

static double wall(double w) {
  if (freeze_every <= 0) return w;
  double awake = freeze_every - freeze_for, period = floor(w / awake + 1e-9);
  return w + period * freeze_for - phase;
}

static void push(struct pending item) {
  if (waiting == heap_room && !(heap = realloc(heap, (heap_room = heap_room * 2 + 1024) * sizeof *heap))) die("heap");
  size_t i = waiting++;
  for (; i && heap[(i - 1) / 2].due > item.due; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  heap[i] = item;
}

static struct pending pop(void) {
  struct pending top = heap[0], last = heap[--waiting];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < waiting; i = child) {
    if (child + 1 < waiting && heap[child + 1].due < heap[child].due) child++;
    if (heap[child].due >= last.due) break;
    heap[i] = heap[child];
  }
  heap[i] = last;
  return top;
}

static void hang_up(int fd) {
  free(table[fd].bytes);
  table[fd] = (struct connection){0};
  close(fd);
}

static void reset(int fd) {
  struct linger none = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  hang_up(fd);
}

/* Length of the first whole request in the buffer, 0 while it is incomplete. */
static size_t request_length(struct connection *c) {
  char *end = memmem(c->bytes, c->held, "\r\n\r\n", 4);
  if (!end) return 0;
  *end = 0;
  char *field = strcasestr(c->bytes, "\r\ncontent-length:");
  size_t length = end + 4 - c->bytes + (field ? strtoul(field + 17, NULL, 10) : 0);
  *end = '\r';
  return c->held >= length ? length : 0;
}

static void answer(struct pending item) {
  struct record *r = &records[item.record];
  struct connection *c = &table[item.fd];
  r->write = now();
  if (!c->bytes || c->number != item.number) { r->flags |= LOST; return; }
  c->busy = 0;
  if (r->flags & RESET) { reset(item.fd); return; }
  if (write(item.fd, REPLY, sizeof REPLY - 1) != (ssize_t)(sizeof REPLY - 1)) { r->flags |= LOST; reset(item.fd); }
}

static void begin(int fd, double read_at) {
  struct connection *c = &table[fd];
  size_t length = c->busy ? 0 : request_length(c);
  if (!length) return;
  memmove(c->bytes, c->bytes + length, c->held -= length);
  if (served == records_room && !(records = realloc(records, (records_room = records_room * 2 + 65536) * sizeof *records)))
    die("records");
  if (!served) phase = freeze_every / 2 - read_at;
  double draw = draws[served % draw_count], start = work(read_at);
  if (fifo && free_at > start) start = free_at;
  double finish = start + (isnan(draw) ? 0 : draw);
  if (fifo) free_at = finish;
  struct pending item = {wall(finish), served, fd, c->number};
  records[served++] = (struct record){read_at, item.due, NAN, c->number, isnan(draw) ? RESET : 0};
  c->busy = 1;
  if (item.due <= read_at) answer(item); else push(item);
}

static void take(int fd) {
  struct connection *c = &table[fd];
  ssize_t got = recv(fd, c->bytes + c->held, BUFFER - c->held, 0);
  double at = now();
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { hang_up(fd); return; }
  c->held += got;
  begin(fd, at);
}

static void welcome(int listener) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= CONNECTIONS) { close(fd); continue; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!(table[fd].bytes = malloc(BUFFER))) die("connection");
    table[fd].number = ++connections_seen;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

static void release(void) {
  while (waiting && heap[0].due <= now()) {
    struct pending item = pop();
    answer(item);
    if (table[item.fd].bytes && table[item.fd].held) begin(item.fd, now());
  }
  struct itimerspec at = {0};
  if (waiting) {
    double due = heap[0].due + epoch;
    at.it_value.tv_sec = due;
    at.it_value.tv_nsec = (due - floor(due)) * 1e9 + 1;
    if (at.it_value.tv_nsec > 999999999) at.it_value.tv_nsec = 999999999;
  }
  timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void load_draws(const char *path) {
  struct stat info;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &info)) die(path);
  draw_count = info.st_size / sizeof *draws;
  draws = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (draws == MAP_FAILED || !draw_count) die(path);
}

static void save(const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(records, sizeof *records, served, file) != served || fclose(file)) die(path);
}

static int listen_on_loopback(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, (void *)&address, size) || listen(fd, 4096)) die("listen");
  getsockname(fd, (void *)&address, &size);
  struct sched_param priority = {.sched_priority = 10};
  int real_time = !sched_setscheduler(0, SCHED_FIFO, &priority);
  printf("%d %.9f %d\n", ntohs(address.sin_port), epoch, real_time);
  fflush(stdout);
  return fd;
}

/* server DRAWS LOG FREEZE_EVERY FREEZE_FOR FIFO; prints "port epoch real-time", ends and writes the log on SIGTERM. */
int main(int count, char **argument) {
  if (count != 6) { fputs("server DRAWS LOG FREEZE_EVERY FREEZE_FOR FIFO\n", stderr); return 2; }
  load_draws(argument[1]);
  freeze_every = atof(argument[3]); freeze_for = atof(argument[4]); fifo = atoi(argument[5]);
  epoch = now();
  sigset_t ends;
  sigemptyset(&ends); sigaddset(&ends, SIGTERM); sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  signal(SIGPIPE, SIG_IGN);
  poll_fd = epoll_create1(0);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int end_fd = signalfd(-1, &ends, SFD_NONBLOCK), listener = listen_on_loopback();
  for (int i = 0, all[] = {timer_fd, end_fd, listener}; i < 3; i++)
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, all[i], &(struct epoll_event){.events = EPOLLIN, .data.fd = all[i]});
  for (struct epoll_event ready[256];;) {
    int n = epoll_wait(poll_fd, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == end_fd) { save(argument[2]); return 0; }
      if (fd == listener) welcome(fd);
      else if (fd != timer_fd && table[fd].bytes) take(fd);
    }
    release();
  }
}
