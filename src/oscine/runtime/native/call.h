// What an operation is made from: its record in the file, resolved to wires, numbers and tensors.
//
// An operation is a class with
//
//     static bool fits(const Call&)        every size and argument belongs together; nothing else is checked later
//     static uint64_t work(const Call&)    multiplications in a frame, roughly: what `fits` has accepted, they bound
//     Operation(const Call&, Arena&)       takes its memory, and fills it if the arena is real
//     void start(int64_t seed)             goes back to before the first frame
//     void run()                           computes the frame that the workspace is at: reads its wires, writes its output
//
// and one line in the table of operations.h, with the name that its method in streaming/program.py appends. A size that is
// no tensor's and no wire's is limited by MOST_STATE. The constructor runs twice: first with an arena that only measures,
// where wires, constants and buffers are null.
#pragma once

#include <cstdint>

#include "file.h"
#include "memory.h"
#include "simd.h"

namespace {

// Numbers that an operation may remember beyond what its tensors and wires account for.
constexpr int64_t MOST_STATE = 1 << 24;

// The frames that are computed together, operation by operation: each has its own values of all wires.
struct Workspace {
    float* first;  // of the first frame
    float* now;    // of the frame that is computed
    int64_t n_values;

    void go_to(int64_t frame) { now = first + frame * n_values; }
};

// Where a wire lies: a pointer to its values in the frame that is computed, or in one of the block.
class Wire {
    const Workspace* space = nullptr;
    int64_t at = 0;

   public:
    Wire() = default;
    Wire(const Workspace* workspace, uint32_t offset) : space(workspace), at(offset) {}
    operator float*() const { return space->now + at; }
    explicit operator bool() const { return space != nullptr; }
    float* of(int64_t frame) const { return space->first + frame * stride() + at; }
    int64_t stride() const { return space->n_values; }  // numbers from a frame to the next
};

struct Call {
    const File& file;
    const OperationRecord record;
    const uint32_t first_argument, first_tensor;
    const Workspace* const space;  // null while memory is measured

    int64_t hop() const { return file.header.hop_length; }
    double sample_rate() const { return file.header.sample_rate; }

    uint32_t n_wires() const { return record.n_wires; }
    int64_t size(uint32_t wire) const { return static_cast<int64_t>(file.argument(first_argument + wire) >> 32); }
    Wire wire(uint32_t i) const { return {space, static_cast<uint32_t>(file.argument(first_argument + i))}; }
    int64_t output_size() const { return record.size; }
    Wire output() const { return {space, record.output}; }

    uint32_t n_integers() const { return record.n_integers; }
    int64_t integer(uint32_t i) const { return static_cast<int64_t>(file.argument(first_argument + record.n_wires + i)); }
    double number(uint32_t i) const {
        const uint64_t bits = file.argument(first_argument + record.n_wires + record.n_integers + i);
        double value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    TensorRecord tensor(uint32_t i) const { return file.tensor(first_tensor + i); }

    // How many of everything there are.
    bool has(uint32_t wires, uint32_t integers, uint32_t numbers, uint32_t tensors) const {
        return record.n_wires == wires && record.n_integers == integers && record.n_numbers == numbers &&
               record.n_tensors == tensors;
    }

    // Every number is finite and of a size that float32 has.
    bool has_finite_numbers() const {
        for (uint32_t i = 0; i < record.n_numbers; i++)
            if (!(number(i) >= -1e30 && number(i) <= 1e30)) return false;
        return true;
    }

    bool is_flag(uint32_t i) const { return integer(i) == 0 || integer(i) == 1; }

    bool is_tensor(uint32_t i, int64_t rows, int64_t columns) const {
        const TensorRecord one = tensor(i);
        return one.rows == rows && one.columns == columns;
    }

    float element(uint32_t i, int64_t row, int64_t column) const {
        const TensorRecord one = tensor(i);
        return file.element(one, static_cast<uint64_t>(row) * one.columns + static_cast<uint64_t>(column));
    }

    // A tensor's numbers, in float32 and as they lie in the file.
    const float* constant(uint32_t i, Arena& arena) const {
        const TensorRecord one = tensor(i);
        float* to = arena.take<float>(static_cast<int64_t>(one.n_elements));
        if (to)
            for (uint64_t at = 0; at < one.n_elements; at++) to[at] = file.element(one, at);
        return to;
    }
};

// The first `count` numbers of a vector; the others are 0.
template <int W>
typename Simd<float, W>::V load_some(const float* from, int64_t count) {
    using S = Simd<float, W>;
    if (W == 1 || count >= W) return S::load(from);
    float lanes[W] = {};
    for (int64_t i = 0; i < count; i++) lanes[i] = from[i];
    return S::load(lanes);
}

template <int W>
void store_some(float* to, typename Simd<float, W>::V value, int64_t count) {
    using S = Simd<float, W>;
    if (W == 1 || count >= W) {
        S::store(to, value);
        return;
    }
    float lanes[W];
    S::store(lanes, value);
    for (int64_t i = 0; i < count; i++) to[i] = lanes[i];
}

// Σ x_i y_i.
template <int W>
float dot(const float* x, const float* y, int64_t n) {
    using S = Simd<float, W>;
    typename S::V total = S::zero();
    for (int64_t i = 0; i < n; i += W) total += load_some<W>(x + i, n - i) * load_some<W>(y + i, n - i);
    return S::sum(total);
}

}  // namespace
