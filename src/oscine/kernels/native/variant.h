// One instruction set's kernels: included by a file that has set the target and OSCINE_NAME, WIDTH (floats in a
// vector) and BLOCKS (blocks of partials whose sums fit into the registers).
#include <atomic>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "bank.h"
#include "gru.h"
#include "lattice.h"
#include "noise.h"
#include "spectra.h"

namespace {

// Call part(i) for i = 0 … n − 1, each on a thread of its own, the last one here.
void each(int n, const std::function<void(int)>& part) {
    std::vector<std::thread> threads;
    for (int i = 0; i + 1 < n; i++) {
        try {
            threads.emplace_back(part, i);
        } catch (const std::system_error&) {  // no thread to be had
            part(i);
        }
    }
    part(n - 1);
    for (std::thread& thread : threads) thread.join();
}

template <class T>
void bank(const oscine_bank* b, int backward, int n_threads) {
    constexpr int lanes = WIDTH * sizeof(float) / sizeof(T);
    // Frames are independent, so that a batch of one has work for every thread as well. Each takes the next few when
    // it has done its last: a thread may have to wait for its core, where torch's own still spin on it.
    const int64_t total = b->batch * b->n_frames;
    const int n = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(n_threads, total / 16)));
    const int64_t few = n == 1 ? total : std::min<int64_t>(64, (total + n - 1) / n);
    std::atomic<int64_t> next{0};
    each(n, [&](int) {
        Bank<T, lanes, BLOCKS> work(*b);
        for (int64_t first = next.fetch_add(few); first < total; first = next.fetch_add(few)) {
            const int64_t last = std::min(total, first + few);
            for (int64_t at = first; at < last;) {
                const int64_t item = at / b->n_frames, from = at % b->n_frames;
                const int64_t to = std::min(b->n_frames, from + last - at);
                backward ? work.backward(item, from, to) : work.forward(item, from, to);
                at += to - from;
            }
        }
    });
}

template <class T>
void gru(const oscine_gru* g, int backward, int n_threads) {
    constexpr int lanes = WIDTH * sizeof(float) / sizeof(T);
    const int n = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(n_threads, g->batch)));
    each(n, [&](int i) {
        Gru<T, lanes, BLOCKS> work(*g);
        const int64_t first = g->batch * i / n, last = g->batch * (i + 1) / n;
        backward ? work.backward(first, last) : work.forward(first, last);
    });
}

template <class T>
void noise(const oscine_noise* n, int backward, int n_threads) {
    constexpr int lanes = WIDTH * sizeof(float) / sizeof(T);
    const int parts = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(n_threads, n->batch)));
    each(parts, [&](int i) {
        for (int64_t item = n->batch * i / parts; item < n->batch * (i + 1) / parts; item++)
            backward ? noise_backward<T, lanes>(*n, item) : noise_forward<T, lanes>(*n, item);
    });
}

void allpole(const oscine_allpole* f, int backward, int n_threads) {
    constexpr int lanes = WIDTH * sizeof(float) / sizeof(double);
    const int parts = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(n_threads, f->batch)));
    each(parts, [&](int i) {
        for (int64_t item = f->batch * i / parts; item < f->batch * (i + 1) / parts; item++)
            backward ? allpole_backward<lanes>(*f, item) : allpole_forward<lanes>(*f, item);
    });
}

}  // namespace

extern const oscine_kernels OSCINE_NAME;
const oscine_kernels OSCINE_NAME = {
    OSCINE_TEXT,
    bank<float>,
    bank<double>,
    gru<float>,
    gru<double>,
    noise<float>,
    noise<double>,
    allpole,
    Spectra<WIDTH>::cut,
    Spectra<WIDTH>::add,
    Spectra<WIDTH>::compare,
};
