// An all-pole filter as a lattice of rotations, whose angles go linearly from frame to frame, forward and backward;
// allpole.py and functional/allpole.py say what is computed. The chain of the sections is one number after the other;
// all else is a vector over the sections.
#pragma once

#include <algorithm>
#include <cmath>

#include "memory.h"
#include "oscine.h"
#include "simd.h"

namespace {

template <int LANES>
class Lattice {
    using S = Simd<double, LANES>;
    using V = typename S::V;
    static constexpr double SILENCE = 1e-30;  // below it, numbers would become subnormal and slow

    const int64_t order, hop, padded;
    // Of every section: sine and cosine of the angle, and of what it turns by from one sample to the next.
    Buffer<double> sine, cosine, sine_step, cosine_step;
    Buffer<double> product, entered;  // s G, and what enters each section
    Buffer<double> left, came;        // backward only: at every sample what leaves the sections, down and up

   public:
    // g_0 … g_{M−1}; the room behind is for the vectors.
    Buffer<double> state;

    // From an arena, it computes forward alone.
    Lattice(int64_t order_, int64_t hop_length, bool backward, Arena* arena = nullptr)
        : order(order_),
          hop(hop_length),
          padded((order + LANES - 1) / LANES * LANES),
          sine(padded, arena),
          cosine(padded, arena),
          sine_step(padded, arena),
          cosine_step(padded, arena),
          product(padded, arena),
          entered(padded, arena),
          left(backward ? hop * padded : 0, arena),
          came(backward ? hop * padded : 0, arena),
          state(padded + LANES, arena) {}

    // A frame of y from x, the angles going from `from` to `to`.
    template <class T, class U>
    void forward(const T* from, const T* to, const U* x, U* y) {
        turn(from, to, 0, 1);
        for (int64_t i = 0; i < hop; i++) {
            y[i] = static_cast<U>(sample(x[i], nullptr, nullptr));
            advance();
        }
        for (int64_t m = 0; m < order; m++)
            if (std::fabs(state[m]) < SILENCE) state[m] = 0;
    }

    // The same frame backward, from the state before it. `grad` has the gradient of the state after the frame, and
    // then that of the state before it; it has the size of `state`.
    void backward(const double* from, const double* to, const double* x, const double* grad_y, double* grad, double* grad_x,
                  double* grad_from, double* grad_to) {
        turn(from, to, 0, 1);
        for (int64_t i = 0; i < hop; i++) {
            sample(x[i], &left[i * padded], &came[i * padded]);
            advance();
        }
        turn(from, to, hop - 1, -1);
        for (int64_t i = hop - 1; i >= 0; i--) {
            // As forward: the same rotations the other way, of gradients.
            grad[order] = 0;
            for (int64_t m = 0; m < padded; m += LANES) S::store(&product[m], S::load(&sine[m]) * S::load(grad + m + 1));
            double f = grad_y[i] + grad[0];
            for (int64_t m = 0; m < order; m++) {
                entered[m] = f;
                f = cosine[m] * f + product[m];
            }
            grad_x[i] = f;
            const double late = static_cast<double>(i) / static_cast<double>(hop);
            for (int64_t m = 0; m < padded; m += LANES) {
                const V above = S::load(grad + m + 1), here = S::load(&entered[m]);
                const V angle = above * S::load(&left[i * padded + m]) - here * S::load(&came[i * padded + m]);
                S::store(grad_to + m, S::load(grad_to + m) + late * angle);
                S::store(grad_from + m, S::load(grad_from + m) + (1 - late) * angle);
                S::store(grad + m, S::load(&cosine[m]) * above - S::load(&sine[m]) * here);
            }
            advance();
        }
    }

   private:
    // Set the angles to those of a sample, and the step to one forward or back. What is behind the last section stays 0.
    template <class T>
    void turn(const T* from, const T* to, int64_t sample, int direction) {
        for (int64_t m = 0; m < order; m++) {
            const double start = from[m], step = (to[m] - start) / static_cast<double>(hop);
            const double angle = start + static_cast<double>(sample) * step;
            sine[m] = std::sin(angle), cosine[m] = std::cos(angle);
            sine_step[m] = direction * std::sin(step), cosine_step[m] = std::cos(step);
        }
    }

    void advance() {
        for (int64_t m = 0; m < padded; m += LANES) {
            const V s = S::load(&sine[m]), c = S::load(&cosine[m]);
            const V ds = S::load(&sine_step[m]), dc = S::load(&cosine_step[m]);
            S::store(&sine[m], s * dc + c * ds);
            S::store(&cosine[m], c * dc - s * ds);
        }
    }

    // A sample through all sections, from the last to the first; what leaves them is kept where there is room for it.
    double sample(double x, double* downward, double* upward) {
        for (int64_t m = 0; m < padded; m += LANES) S::store(&product[m], S::load(&sine[m]) * S::load(&state[m]));
        double f = x;
        for (int64_t m = order - 1; m >= 0; m--) {
            entered[m] = f;
            f = cosine[m] * f - product[m];
            if (downward) downward[m] = f;
        }
        for (int64_t m = padded - LANES; m >= 0; m -= LANES) {
            const V g = S::load(&sine[m]) * S::load(&entered[m]) + S::load(&cosine[m]) * S::load(&state[m]);
            if (upward) S::store(upward + m, g);
            S::store(&state[m + 1], g);
        }
        state[0] = f;
        return f;
    }
};

template <int LANES>
void allpole_forward(const oscine_allpole& f, int64_t item) {
    Lattice<LANES> lattice(f.order, f.hop_length, false);
    double* states = f.states + item * (f.n_frames + 1) * f.order;
    std::copy_n(f.initial + item * f.order, f.order, states);
    std::copy_n(states, f.order, lattice.state.data());
    for (int64_t t = 0; t < f.n_frames; t++) {
        const double* to = f.angles + (item * f.n_frames + t) * f.order;
        const int64_t at = (item * f.n_frames + t) * f.hop_length;
        lattice.forward(t ? to - f.order : f.previous + item * f.order, to, f.audio + at, f.output + at);
        std::copy_n(lattice.state.data(), f.order, states + (t + 1) * f.order);
    }
}

template <int LANES>
void allpole_backward(const oscine_allpole& f, int64_t item) {
    Lattice<LANES> lattice(f.order, f.hop_length, true);
    const int64_t size = lattice.state.size();
    Buffer<double> grad(size), grad_from(size), grad_to(size);
    const double* states = f.states + item * (f.n_frames + 1) * f.order;
    const double* grad_states = f.grad_states + item * (f.n_frames + 1) * f.order;
    for (int64_t t = f.n_frames - 1; t >= 0; t--) {
        const double* to = f.angles + (item * f.n_frames + t) * f.order;
        const int64_t at = (item * f.n_frames + t) * f.hop_length;
        std::copy_n(states + t * f.order, f.order, lattice.state.data());
        for (int64_t m = 0; m < f.order; m++) grad[m] += grad_states[(t + 1) * f.order + m];
        grad_from.zero();
        lattice.backward(t ? to - f.order : f.previous + item * f.order, to, f.audio + at, f.grad_output + at, grad.data(),
                         f.grad_audio + at, grad_from.data(), grad_to.data());
        std::copy_n(grad_to.data(), f.order, f.grad_angles + (item * f.n_frames + t) * f.order);
        grad_to.swap(grad_from);
    }
    std::copy_n(grad_to.data(), f.order, f.grad_previous + item * f.order);
    for (int64_t m = 0; m < f.order; m++) f.grad_initial[item * f.order + m] = grad[m] + grad_states[m];
}

}  // namespace
