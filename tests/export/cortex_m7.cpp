// A Cortex-M7 without an operating system plays the exported instrument: tests/export/cortex.py builds it and runs it in QEMU.
//
// The curves are an array that was built in. The audio and the counts go to files of the host by semihosting, which QEMU offers.
// With `-icount shift=0`, QEMU lets one nanosecond pass for each instruction, and the SysTick timer counts it at 25 MHz.
#include <stdint.h>
#include <string.h>

#define OSCINE_IMPLEMENTATION
#include "oscine.h"

#include "curves.h"
#include "instrument.h"

extern "C" {
extern char first_data[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];
[[noreturn]] void reset_handler();
[[noreturn]] void fault();
__attribute__((section(".vectors"), used)) const void* const vectors[16] = {
    stack_top, (void*)reset_handler, (void*)fault, (void*)fault, (void*)fault, (void*)fault, (void*)fault};
}

static const char* const EMPTY = "";
// Of the player: the program's oscine_size, or more.
__attribute__((section(".large"), aligned(64))) static uint8_t memory[MEMORY_BYTES];
static float audio[N_FRAMES * HOP_LENGTH];
static uint32_t counts[N_FRAMES], parts[64];

static int host(int operation, const void* arguments) {
    register int r0 __asm__("r0") = operation;
    register const void* r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void write_file(const char* name, const void* from, uint32_t n_bytes) {
    const uint32_t opened[3] = {(uint32_t)name, 5, (uint32_t)strlen(name)};  // "wb"
    const uint32_t file = (uint32_t)host(1, opened);
    const uint32_t written[3] = {file, (uint32_t)from, n_bytes};
    host(5, written);
    host(2, &file);
}

[[noreturn]] static void leave(const char* sentence) {
    write_file("sentence.txt", sentence, strlen(sentence));
    const uint32_t reason[2] = {0x20026, 0};  // the application has ended
    host(0x20, reason);
    for (;;) {}
}

void fault() { leave("The processor reports a fault."); }

static volatile uint32_t* const SYSTICK = (volatile uint32_t*)0xE000E010;  // control, reload, value

static uint32_t ticks() { return 0xFFFFFF - SYSTICK[2]; }
static uint32_t ticks_since(uint32_t before) { return (ticks() - before) & 0xFFFFFF; }

// How far the stack has grown: below what is in use it is painted beforehand.
static const uint32_t STACK_BYTES = 65536, PAINT = 0xA5A5A5A5;
static volatile uint32_t* stack_bottom() { return (volatile uint32_t*)(stack_top - STACK_BYTES); }
static void paint_stack() {
    uintptr_t now;
    __asm__ volatile("mov %0, sp" : "=r"(now));
    for (volatile uint32_t* at = stack_bottom(); (uintptr_t)at < now - 64; at++) *at = PAINT;
}
static uint32_t used_stack() {
    volatile uint32_t* at = stack_bottom();
    while (*at == PAINT) at++;
    return (uint32_t)(stack_top - (char*)at);
}

[[noreturn]] __attribute__((noinline)) static void run_player() {
    memcpy(data_begin, first_data, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    SYSTICK[1] = 0xFFFFFF;
    SYSTICK[0] = 5;
    paint_stack();
    const uint32_t before_load = ticks();
    oscine_player* player = nullptr;
    size_t needed = 0;
    int code = oscine_size(oscine_instrument, oscine_instrument_size, &needed);
    if (code == OSCINE_OK) code = oscine_load(oscine_instrument, oscine_instrument_size, memory, sizeof memory, &player);
    if (code != OSCINE_OK) leave(oscine_error_text(code));
    const uint32_t loading = ticks_since(before_load);
    for (uint32_t t = 0; t < N_FRAMES; t++) {
        const float* inputs[N_INPUTS] = {};  // what has no curve stands at its default
        for (uint32_t i = 0; i < N_CURVES; i++) inputs[i] = curves[i] + t;
        const uint32_t before = ticks();
        oscine_play(player, inputs, N_INPUTS, 1, audio + t * HOP_LENGTH);
        counts[t] = ticks_since(before);
    }
    const uint32_t stack = used_stack();
    // The same frames again, operation by operation: what each costs.
    oscine_reset(player, 0);
    const Step* steps = static_cast<const Step*>(player->steps);
    Workspace& space = *static_cast<Workspace*>(player->workspace);
    const InputRecord* records = static_cast<const InputRecord*>(player->inputs);
    for (uint32_t t = 0; t < N_FRAMES; t++) {
        space.go_to(0);
        for (uint32_t i = 0; i < N_INPUTS; i++) space.now[records[i].offset] = i < N_CURVES ? curves[i][t] : records[i].initial;
        for (uint32_t i = 0; i < player->n_steps && i < 64; i++) {
            const uint32_t before = ticks();
            steps[i].run(steps[i].operation, space, 1);
            parts[i] += ticks_since(before);
        }
    }
    const uint32_t facts[4] = {(uint32_t)needed, loading, stack, player->n_steps};
    write_file("audio.f32", audio, sizeof audio);
    write_file("counts.u32", counts, sizeof counts);
    write_file("parts.u32", parts, sizeof parts);
    write_file("facts.u32", facts, sizeof facts);
    leave(EMPTY);
}

// A function of its own: the other one saves registers of the floating-point unit, which is off until now.
void reset_handler() {
    *(volatile uint32_t*)0xE000ED88 |= 0xFu << 20;
    __asm__ volatile("dsb\n isb");
    run_player();
}
