/*
 * The Net frame's codec in C, for bench/codec.ts: the loops as they are written down, over frames in a row.
 *
 *   net-codec      then on standard input SIZE FRAMES ROUNDS, a line each; answers with the nanoseconds of processor
 *                  time that sealing and opening took, and how many frames were wrong
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADER_BYTES = 5, KEY = 0x32 };

static void seal(uint8_t *frame, size_t size, uint8_t rand_key) {
  uint8_t *d = frame + 4, sum = 0, p = 0, e = 0;
  for (size_t i = 1; i <= size; i++) sum += d[i];
  frame[3] = rand_key;
  d[0] = sum;
  for (size_t i = 0; i <= size; i++) {
    p = d[i] ^ (uint8_t)(p + rand_key + i + 1);
    e = p ^ (uint8_t)(e + KEY + i + 1);
    d[i] = e;
  }
}

static int open_frame(uint8_t *frame, size_t size) {
  uint8_t *d = frame + 4, rand_key = frame[3], sum = 0, p = 0, e = 0;
  for (size_t i = 0; i <= size; i++) {
    uint8_t next = d[i] ^ (uint8_t)(e + KEY + i + 1);
    e = d[i];
    d[i] = next ^ (uint8_t)(p + rand_key + i + 1);
    p = next;
    if (i > 0) sum += d[i];
  }
  return sum == d[0];
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(void) {
  size_t size, frames, rounds;
  while (scanf("%zu %zu %zu", &size, &frames, &rounds) == 3) {
    size_t stride = HEADER_BYTES + size, wrong = 0;
    uint8_t *memory = malloc(stride * frames);
    for (size_t i = 0; i < stride * frames; i++) memory[i] = (uint8_t)(i * 31 + (i >> 8) * 17);
    double sealing = 0, opening = 0;
    for (size_t n = 0; n < rounds; n++) {
      double before = now_ns();
      for (size_t f = 0; f < frames; f++) seal(memory + f * stride, size, (uint8_t)(n + f));
      double between = now_ns();
      for (size_t f = 0; f < frames; f++) wrong += !open_frame(memory + f * stride, size);
      opening += now_ns() - between;
      sealing += between - before;
    }
    printf("%.0f %.0f %zu\n", sealing, opening, wrong);
    fflush(stdout);
    free(memory);
  }
  return 0;
}
