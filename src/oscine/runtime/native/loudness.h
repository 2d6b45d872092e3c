// Loudness of 32 ms at 16 kHz, A-weighted, by the definition of functional/loudness.py.
#pragma once

#include <cmath>
#include <cstdint>

#include "memory.h"

namespace {

class Loudness {
   public:
    static constexpr int64_t RATE = 16000, LENGTH = 512;  // Hz; samples of a window
    static constexpr float FLOOR_DB = -80.0f;

   private:
    static constexpr int64_t HALF = LENGTH / 2;
    static constexpr double PI = 3.141592653589793;

    Buffer<float> window, cosine, sine, weight, re, im;

   public:
    explicit Loudness(Arena& arena)
        : window(LENGTH, &arena), cosine(HALF, &arena), sine(HALF, &arena), weight(HALF + 1, &arena), re(HALF, &arena), im(HALF, &arena) {
        if (!arena.is_real()) return;
        for (int64_t i = 0; i < LENGTH; i++)
            window[i] = static_cast<float>(0.5 - 0.5 * std::cos(2 * PI * static_cast<double>(i) / LENGTH));
        for (int64_t i = 0; i < HALF; i++) {
            cosine[i] = static_cast<float>(std::cos(2 * PI * static_cast<double>(i) / LENGTH));
            sine[i] = static_cast<float>(std::sin(2 * PI * static_cast<double>(i) / LENGTH));
        }
        for (int64_t bin = 0; bin <= HALF; bin++)
            weight[bin] = static_cast<float>(a_weighting(static_cast<double>(bin) * RATE / LENGTH) / static_cast<double>(HALF + 1));
    }

    // Of LENGTH samples.
    float of(const float* x) {
        // The even samples and the odd ones are the two parts of a complex signal of half the length.
        for (int64_t i = 0; i < HALF; i++) {
            const int64_t to = reversed(i);
            re[to] = window[2 * i] * x[2 * i];
            im[to] = window[2 * i + 1] * x[2 * i + 1];
        }
        for (int64_t size = 1; size < HALF; size *= 2)
            for (int64_t start = 0; start < HALF; start += 2 * size)
                for (int64_t i = 0; i < size; i++) {
                    const int64_t a = start + i, b = a + size, turn = i * (HALF / size);
                    const float c = cosine[turn], s = sine[turn];
                    const float x_re = re[b] * c + im[b] * s, x_im = im[b] * c - re[b] * s;
                    re[b] = re[a] - x_re, im[b] = im[a] - x_im;
                    re[a] += x_re, im[a] += x_im;
                }
        double total = 0;
        for (int64_t bin = 0; bin <= HALF; bin++) {
            const int64_t a = bin % HALF, b = (HALF - bin) % HALF;
            const float even_re = 0.5f * (re[a] + re[b]), even_im = 0.5f * (im[a] - im[b]);
            const float odd_re = 0.5f * (im[a] + im[b]), odd_im = 0.5f * (re[b] - re[a]);
            const float c = bin == HALF ? -1.0f : cosine[bin], s = bin == HALF ? 0.0f : sine[bin];
            const float y_re = even_re + odd_re * c + odd_im * s, y_im = even_im + odd_im * c - odd_re * s;
            total += static_cast<double>(weight[bin] * (y_re * y_re + y_im * y_im));
        }
        const float level_db = static_cast<float>(10 * std::log10(total > 1e-30 ? total : 1e-30));
        return level_db > FLOOR_DB ? level_db : FLOOR_DB;
    }

   private:
    static int64_t reversed(int64_t i) {
        int64_t result = 0;
        for (int64_t n = 1; n < HALF; n *= 2, i /= 2) result = 2 * result + i % 2;
        return result;
    }

    // Of power; at 0 Hz the least value, −80 dB.
    static double a_weighting(double frequency_hz) {
        const double squared = frequency_hz * frequency_hz;
        const double a = 12194.217 * 12194.217, b = 20.598997 * 20.598997, c = 107.65265 * 107.65265, d = 737.86223 * 737.86223;
        const double amplitude = a * squared * squared / ((squared + a) * (squared + b) * std::sqrt((squared + c) * (squared + d)));
        const double power = std::pow(10.0, 0.2) * amplitude * amplitude;
        return power > 1e-8 ? power : 1e-8;
    }
};

}  // namespace
