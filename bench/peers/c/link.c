/*
 * The limit: both sides of every workload in C, on epoll with batched reads and writes, or spinning without
 * ever sleeping. Same wire (u32le length, payload), same message contents and same checks as the Node peers
 * (harness/check.ts), same words on standard input and answers on standard output (harness/process.ts).
 *
 *   link server|client epoll|spin echo|oneway|broadcast LINKS IDLE WINDOW BURST LATENCY PORT SIZES
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ECHO, ONEWAY, BROADCAST };
enum { READ_BYTES = 256 << 10, PENDING_MAX = 1 << 20, SAMPLES_MAX = 1 << 22, WHOLE_CHECK_EVERY = 1021 };

/* One connection. Bytes [0, in_len) of `in` are not yet parsed; [out_at, out_len) of `out` not yet written. */
struct conn {
  int fd, polled_for_out, deaf;
  uint32_t received, sent;
  char *in, *out;
  size_t in_len, out_at, out_len, out_cap;
};

static int is_server, spins, pattern, links, idle_links, window, burst, keeps_latency;
static uint32_t sizes[1 << 16], sizes_mask, largest;
static size_t in_cap;
static char *filler;
static struct conn *conns;
static int conn_count, ep, listener = -1, sending;
static uint64_t total_received, total_sent;
static double *samples, sent_at;
static size_t sample_count;

static void fail(const char *why) {
  printf("{\"failed\":\"%s (%s)\"}\n", why, strerror(errno));
  fflush(stdout);
  _exit(1);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static size_t pending(const struct conn *c) { return c->out_len - c->out_at; }

static void poll_for(struct conn *c) {
  int out = pending(c) > 0, deaf = pattern == ECHO && is_server && pending(c) > PENDING_MAX;
  if (out == c->polled_for_out && deaf == c->deaf) return;
  struct epoll_event e = {.events = (deaf ? 0 : EPOLLIN) | (out ? EPOLLOUT : 0), .data.u32 = c - conns};
  if (epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e) != 0) fail("epoll_ctl");
  c->polled_for_out = out;
  c->deaf = deaf;
}

static char *reserve(struct conn *c, size_t bytes) {
  if (c->out_at == c->out_len) c->out_at = c->out_len = 0;
  if (c->out_len + bytes > c->out_cap) {
    memmove(c->out, c->out + c->out_at, pending(c));
    c->out_len -= c->out_at;
    c->out_at = 0;
    if (c->out_len + bytes > c->out_cap) {
      c->out_cap = 2 * (c->out_len + bytes);
      if ((c->out = realloc(c->out, c->out_cap)) == NULL) fail("realloc");
    }
  }
  return c->out + c->out_len;
}

static void flush_out(struct conn *c) {
  while (pending(c) > 0) {
    ssize_t n = write(c->fd, c->out + c->out_at, pending(c));
    if (n < 0 && errno != EAGAIN) fail("write");
    if (n < 0) break;
    c->out_at += n;
  }
  poll_for(c);
}

/* Sends bytes that are not in `out`: straight to the kernel, and the rest through `out`. */
static void send_bytes(struct conn *c, const char *bytes, size_t count) {
  if (pending(c) == 0) {
    ssize_t n = write(c->fd, bytes, count);
    if (n < 0 && errno != EAGAIN) fail("write");
    if (n > 0) bytes += n, count -= n;
  }
  if (count == 0) return;
  memcpy(reserve(c, count), bytes, count);
  c->out_len += count;
  flush_out(c);
}

static size_t put_message(char *at, uint32_t seq) {
  uint32_t size = sizes[seq & sizes_mask];
  memcpy(at, &size, 4);
  memcpy(at + 4, &seq, 4);
  memcpy(at + 8, filler + 4, size - 4);
  return 4 + size;
}

static void add_message(struct conn *c) {
  c->out_len += put_message(reserve(c, 4 + largest), c->sent++);
  total_sent++;
}

static void check(struct conn *c, const char *message, uint32_t size) {
  uint32_t seq, expected = c->received++;
  memcpy(&seq, message, 4);
  if (seq != expected || size != sizes[expected & sizes_mask]) fail("a message is missing, twice or out of order");
  if (expected % WHOLE_CHECK_EVERY == 0 && memcmp(message + 4, filler + 4, size - 4) != 0) fail("a message changed");
}

/* Parses what is there; returns the bytes of whole frames. */
static size_t parse(struct conn *c) {
  size_t at = 0;
  uint32_t size;
  while (c->in_len - at >= 4) {
    memcpy(&size, c->in + at, 4);
    if (size > largest) fail("impossible length");
    if (c->in_len - at < 4 + (size_t)size) break;
    check(c, c->in + at + 4, size);
    at += 4 + size;
    total_received++;
    if (is_server || pattern != ECHO) continue;
    if (keeps_latency) {
      double now = now_ms();
      samples[sample_count++ % SAMPLES_MAX] = now - sent_at;
      sent_at = now;
    }
    while (sending && c->sent - c->received < (uint32_t)window) add_message(c);
  }
  return at;
}

/* Reads once. 0: nothing was there. */
static int read_in(struct conn *c) {
  ssize_t n = read(c->fd, c->in + c->in_len, in_cap - c->in_len);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) fail("the peer is gone");
  c->in_len += n;
  size_t whole = parse(c);
  if (is_server && pattern == ECHO && whole > 0) send_bytes(c, c->in, whole);
  memmove(c->in, c->in + whole, c->in_len - whole);
  c->in_len -= whole;
  if (pending(c) > 0) flush_out(c);
  return 1;
}

static void add_conn(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct conn *c = &conns[conn_count];
  *c = (struct conn){.fd = fd, .in = malloc(in_cap), .out_cap = 1 << 16, .out = malloc(1 << 16)};
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = conn_count++};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0) fail("epoll_ctl");
}

/* One burst, as plan.ts says. 0: nobody can take more now. */
static int turn(void) {
  static char *encoded;
  int went = 0;
  if (!sending || pattern == ECHO || conn_count < links + idle_links) return 0;
  if (pattern == ONEWAY) {
    for (int i = 0; i < links; i++) {
      if (pending(&conns[i]) > PENDING_MAX) continue;
      for (int b = 0; b < burst; b++) add_message(&conns[i]);
      flush_out(&conns[i]);
      went = 1;
    }
    return went;
  }
  for (int i = 0; i < conn_count; i++)
    if (pending(&conns[i]) > PENDING_MAX / 16) return 0;
  if (encoded == NULL) encoded = malloc((size_t)burst * (4 + largest));
  size_t bytes = 0;
  for (int b = 0; b < burst; b++) bytes += put_message(encoded + bytes, total_sent++);
  for (int i = 0; i < conn_count; i++) send_bytes(&conns[i], encoded, bytes);
  return 1;
}

static int ascending(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return d < 0 ? -1 : d > 0;
}

static void obey(char *word) {
  struct rusage use;
  double at = now_ms();
  getrusage(RUSAGE_SELF, &use);
  if (strcmp(word, "exit") == 0) _exit(0);
  if (strcmp(word, "start") == 0) {
    sending = is_server == (pattern == BROADCAST);
    sent_at = at;
    for (int i = 0; sending && pattern == ECHO && i < links; i++) {
      while (conns[i].sent - conns[i].received < (uint32_t)window) add_message(&conns[i]);
      flush_out(&conns[i]);
    }
  }
  if (strcmp(word, "begin") == 0) sample_count = 0;
  if (strcmp(word, "stop") == 0) sending = 0;
  printf("{\"atMs\":%.6f,\"received\":%lu,\"sent\":%lu,\"cpuMicros\":%ld,\"rssBytes\":%ld", at, total_received, total_sent,
         (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec,
         use.ru_maxrss * 1024);
  size_t n = sample_count < SAMPLES_MAX ? sample_count : SAMPLES_MAX;
  if (strcmp(word, "end") == 0 && keeps_latency && n > 0) {
    qsort(samples, n, sizeof *samples, ascending);
    printf(",\"latency\":{\"samples\":%zu,\"p50\":%f,\"p99\":%f,\"p999\":%f,\"max\":%f}", n, samples[n / 2] * 1e3,
           samples[n * 99 / 100] * 1e3, samples[n * 999 / 1000] * 1e3, samples[n - 1] * 1e3);
  }
  printf("}\n");
  fflush(stdout);
}

static void read_words(void) {
  static char text[1024];
  static size_t length;
  ssize_t n = read(0, text + length, sizeof text - 1 - length);
  if (n <= 0) _exit(0);
  text[length += n] = 0;
  for (char *end; (end = strchr(text, '\n')) != NULL;) {
    *end = 0;
    obey(text);
    length -= end + 1 - text;
    memmove(text, end + 1, length + 1);
  }
}

static void accept_all(void) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    if (conn_count == links + idle_links) fail("too many connections");
    add_conn(fd);
  }
}

static void one_poll(int timeout_ms) {
  struct epoll_event events[256];
  int n = epoll_wait(ep, events, 256, timeout_ms);
  for (int i = 0; i < n; i++) {
    uint32_t which = events[i].data.u32;
    if (which == UINT32_MAX) read_words();
    else if (which == UINT32_MAX - 1) accept_all();
    else {
      if (events[i].events & EPOLLOUT) flush_out(&conns[which]);
      if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_in(&conns[which]);
    }
  }
}

static void watch(int fd, uint32_t name) {
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = name};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0) fail("epoll_ctl");
}

int main(int argc, char **argv) {
  if (argc != 11) return 2;
  is_server = strcmp(argv[1], "server") == 0;
  spins = strcmp(argv[2], "spin") == 0;
  pattern = argv[3][0] == 'e' ? ECHO : argv[3][0] == 'o' ? ONEWAY : BROADCAST;
  links = atoi(argv[4]), idle_links = atoi(argv[5]), window = atoi(argv[6]), burst = atoi(argv[7]);
  keeps_latency = atoi(argv[8]);
  uint32_t count = 0;
  for (char *s = strtok(argv[10], ","); s != NULL && count < 1 << 16; s = strtok(NULL, ",")) sizes[count++] = atoi(s);
  sizes_mask = count - 1;
  for (uint32_t i = 0; i < count; i++) largest = sizes[i] > largest ? sizes[i] : largest;
  in_cap = READ_BYTES + 4 + largest;
  filler = malloc(largest);
  for (uint32_t i = 0; i < largest; i++) filler[i] = (char)(i * 31 + (i >> 8) + 7);
  conns = calloc(links + idle_links, sizeof *conns);
  if (keeps_latency) samples = malloc(sizeof *samples * SAMPLES_MAX);
  ep = epoll_create1(0);
  watch(0, UINT32_MAX);

  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[9])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t a_len = sizeof a;
  if (is_server) {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (void *)&a, sizeof a) != 0 || listen(listener, 1024) != 0) fail("listen");
    getsockname(listener, (void *)&a, &a_len);
    watch(listener, UINT32_MAX - 1);
    printf("{\"port\":%d,\"creditPort\":0}\n", ntohs(a.sin_port));
  } else {
    for (int i = 0; i < links + idle_links; i++) {
      int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
      if (connect(fd, (void *)&a, sizeof a) != 0 || ioctl(fd, FIONBIO, &on) != 0) fail("connect");
      add_conn(fd);
    }
    printf("{\"connected\":true}\n");
  }
  fflush(stdout);

  for (;;) {
    /* Spinning on one link needs no epoll; it looks for words now and then. */
    for (int spin = 0; spins && conn_count == 1 && !conns[0].deaf && pending(&conns[0]) == 0 && spin < 4096; spin++) read_in(&conns[0]);
    one_poll(turn() || spins ? 0 : -1);
  }
}
