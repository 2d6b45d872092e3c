// What both hosts share: the notes to play, files of samples, and the time that a block takes.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _WIN32
#include <windows.h>
#endif

enum { MOST_NOTES = 4096, MOST_BLOCKS = 1 << 20 };

typedef struct {
    uint32_t at;
    uint8_t bytes[3];
} Note;

static Note notes[MOST_NOTES];
static uint32_t n_notes, next_note;
static double block_us[MOST_BLOCKS];

static void fail(const char* what, const char* of) {
    fprintf(stderr, "%s: %s\n", what, of);
    exit(1);
}

static void* whole_file(const char* path, size_t* n_bytes) {
    FILE* file = fopen(path, "rb");
    if (!file) fail("can't be opened", path);
    fseek(file, 0, SEEK_END);
    *n_bytes = (size_t)ftell(file);
    rewind(file);
    char* bytes = malloc(*n_bytes + 1);
    if (fread(bytes, 1, *n_bytes, file) != *n_bytes) fail("can't be read", path);
    bytes[*n_bytes] = 0;
    fclose(file);
    return bytes;
}

static void add_note(const char* line) {
    unsigned at, a, b, c;
    if (n_notes == MOST_NOTES || sscanf(line, "%u %u %u %u", &at, &a, &b, &c) != 4) fail("is no note", line);
    notes[n_notes].at = at;
    notes[n_notes].bytes[0] = (uint8_t)a, notes[n_notes].bytes[1] = (uint8_t)b, notes[n_notes].bytes[2] = (uint8_t)c;
    n_notes++;
}

// CPU time; of Windows wall time.
static double now_us(void) {
#ifdef _WIN32
    LARGE_INTEGER now, per_second;
    QueryPerformanceCounter(&now), QueryPerformanceFrequency(&per_second);
    return (double)now.QuadPart * 1e6 / (double)per_second.QuadPart;
#else
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
#endif
}

static int by_size(const void* a, const void* b) {
    const double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

static void say_load(uint32_t n_blocks, double sounding_us) {
    double sum = 0;
    for (uint32_t i = 0; i < n_blocks; i++) sum += block_us[i];
    qsort(block_us, n_blocks, sizeof block_us[0], by_size);
    printf("load %.6f\np50_us %.2f\np99_us %.2f\nmax_us %.2f\n", sum / sounding_us, block_us[n_blocks / 2],
           block_us[(uint32_t)(0.99 * n_blocks)], block_us[n_blocks - 1]);
}

static void write_samples(const char* path, const float* samples, size_t n) {
    FILE* file = fopen(path, "wb");
    if (!file || fwrite(samples, sizeof(float), n, file) != n) fail("can't be written", path);
    fclose(file);
}
