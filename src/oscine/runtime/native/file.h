// The program file as it lies in memory, every number in it checked before it is used. docs/background/program-file.md has the layout.
//
// Nothing in a file is trusted. Its tables lie inside it, its tensors do not overlap and are finite, and each is used by
// one operation, so that the memory of all weights is bounded by the file's own size. Each value of the workspace is
// written by one input or operation, before it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "half.h"
#include "oscine_runtime.h"
#include "sha256.h"

namespace {

// Limits of the format: far beyond what an instrument needs, and small enough that no product of two overflows.
constexpr uint32_t MOST_VALUES = 1u << 22, MOST_OPERATIONS = 1u << 16, MOST_TENSORS = 1u << 16, MOST_INPUTS = 1u << 10;
constexpr uint32_t MOST_HOP = 1u << 16, MOST_RATE = 1u << 20, MOST_LATENCY = 1u << 24, MOST_ARGUMENTS = 1u << 20;
constexpr uint64_t MOST_ELEMENTS = 1ull << 28;
constexpr size_t HEADER_BYTES = 192, DIGEST_AT = 128, DIGEST_BYTES = 32;
constexpr size_t INPUT_BYTES = 96, OPERATION_BYTES = 48, TENSOR_BYTES = 32, NAME_BYTES = 64, KIND_BYTES = 24;
constexpr uint32_t NEWEST_VERSION = 2, VERSION_OF_INT8 = 2, IS_POSITIVE = 1, IS_OPTIONAL = 2;
constexpr char MAGIC[8] = {'O', 'S', 'C', 'I', 'N', 'E', '\r', '\n'};

struct Header {
    uint32_t version, sample_rate, hop_length, latency, n_inputs, n_operations, n_tensors, n_values, output, n_arguments;
    uint64_t inputs_at, operations_at, arguments_at, tensors_at, metadata_at, metadata_size, file_size;
};

struct InputRecord {
    char name[NAME_BYTES];
    uint32_t offset, size;
    float initial, minimum, maximum;
    uint32_t flags;
};

struct OperationRecord {
    char kind[KIND_BYTES];
    uint32_t output, size;
    uint16_t n_wires, n_integers, n_numbers, n_tensors;
    uint32_t n_arguments() const { return static_cast<uint32_t>(n_wires) + n_integers + n_numbers; }
};

struct TensorRecord {
    uint64_t at, n_elements;
    uint32_t type, rows, columns;
    bool is_half() const { return type == 1; }
    bool is_int8() const { return type == 2; }
    // An int8 tensor has a float32 scale for each row, and behind them the numbers, which the scales multiply.
    uint64_t n_bytes() const { return is_int8() ? 4 * static_cast<uint64_t>(rows) + n_elements : n_elements * (is_half() ? 2 : 4); }
};

template <class T>
T read(const uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

inline bool is_finite(double x) { return x - x == 0; }

class File {
    const uint8_t* bytes;
    size_t n_bytes;

   public:
    Header header{};

    File(const void* program, size_t size) : bytes(static_cast<const uint8_t*>(program)), n_bytes(size) {}

    // Whether these bytes are a program of this version, and as they were written.
    int identify() const {
        if (n_bytes < HEADER_BYTES || std::memcmp(bytes, MAGIC, sizeof MAGIC) != 0) return OSCINE_NOT_A_PROGRAM;
        const uint32_t version = read<uint32_t>(bytes + 8);
        if (version < 1 || version > NEWEST_VERSION) return OSCINE_OTHER_VERSION;
        return is_whole() ? OSCINE_OK : OSCINE_DAMAGED;
    }

    // Check everything that does not depend on the kinds of operations, in bytes that `identify` has accepted.
    int open() {
        read_header();
        if (header.file_size != n_bytes) return OSCINE_INVALID;
        if (header.n_values > MOST_VALUES || header.n_operations > MOST_OPERATIONS || header.n_tensors > MOST_TENSORS ||
            header.n_inputs > MOST_INPUTS || header.n_arguments > MOST_ARGUMENTS || header.hop_length > MOST_HOP ||
            header.sample_rate > MOST_RATE || header.latency > MOST_LATENCY)
            return OSCINE_TOO_LARGE;
        if (header.hop_length < 1 || header.sample_rate < 1 || header.n_operations < 1) return OSCINE_INVALID;
        if (!inside(header.inputs_at, header.n_inputs, INPUT_BYTES) ||
            !inside(header.operations_at, header.n_operations, OPERATION_BYTES) ||
            !inside(header.arguments_at, header.n_arguments, 8) ||
            !inside(header.tensors_at, header.n_tensors, TENSOR_BYTES) || !inside(header.metadata_at, header.metadata_size, 1))
            return OSCINE_INVALID;
        if (!is_wire(header.output, header.hop_length)) return OSCINE_INVALID;
        if (!has_good_inputs() || !has_good_tensors() || !has_good_operations()) return OSCINE_INVALID;
        return OSCINE_OK;
    }

    InputRecord input(uint32_t i) const {
        const uint8_t* at = bytes + header.inputs_at + i * INPUT_BYTES;
        InputRecord one;
        std::memcpy(one.name, at, NAME_BYTES);
        one.offset = read<uint32_t>(at + 64), one.size = read<uint32_t>(at + 68);
        one.initial = read<float>(at + 72), one.minimum = read<float>(at + 76), one.maximum = read<float>(at + 80);
        one.flags = read<uint32_t>(at + 84);
        return one;
    }

    OperationRecord operation(uint32_t i) const {
        const uint8_t* at = bytes + header.operations_at + i * OPERATION_BYTES;
        OperationRecord one;
        std::memcpy(one.kind, at, KIND_BYTES);
        one.output = read<uint32_t>(at + 24), one.size = read<uint32_t>(at + 28);
        one.n_wires = read<uint16_t>(at + 32), one.n_integers = read<uint16_t>(at + 34);
        one.n_numbers = read<uint16_t>(at + 36), one.n_tensors = read<uint16_t>(at + 38);
        return one;
    }

    TensorRecord tensor(uint32_t i) const {
        const uint8_t* at = bytes + header.tensors_at + i * TENSOR_BYTES;
        return {read<uint64_t>(at), read<uint64_t>(at + 8), read<uint32_t>(at + 16), read<uint32_t>(at + 20), read<uint32_t>(at + 24)};
    }

    uint64_t argument(uint32_t i) const { return read<uint64_t>(bytes + header.arguments_at + 8 * static_cast<uint64_t>(i)); }
    const uint8_t* at(uint64_t position) const { return bytes + position; }
    size_t size() const { return n_bytes; }

    float element(const TensorRecord& one, uint64_t i) const {
        const uint8_t* from = bytes + one.at;
        if (one.is_int8()) {
            const float scale = read<float>(from + 4 * (i / one.columns));
            return scale * static_cast<float>(read<int8_t>(from + 4 * static_cast<uint64_t>(one.rows) + i));
        }
        return one.is_half() ? from_half(read<uint16_t>(from + 2 * i)) : read<float>(from + 4 * i);
    }

   private:
    void read_header() {
        uint32_t* small[] = {&header.version,  &header.sample_rate,  &header.hop_length, &header.latency,  &header.n_inputs,
                             &header.n_operations, &header.n_tensors, &header.n_values,  &header.output, &header.n_arguments};
        for (size_t i = 0; i < 10; i++) *small[i] = read<uint32_t>(bytes + 8 + 4 * i);
        uint64_t* large[] = {&header.inputs_at,  &header.operations_at, &header.arguments_at, &header.tensors_at,
                             &header.metadata_at, &header.metadata_size, &header.file_size};
        for (size_t i = 0; i < 7; i++) *large[i] = read<uint64_t>(bytes + 48 + 8 * i);
    }

    bool inside(uint64_t at, uint64_t n, uint64_t width) const { return at <= n_bytes && n <= (n_bytes - at) / width; }

    bool is_wire(uint64_t offset, uint64_t size) const { return size >= 1 && offset + size <= header.n_values; }

    bool has_good_inputs() const {
        for (uint32_t i = 0; i < header.n_inputs; i++) {
            const InputRecord one = input(i);
            if (one.name[0] == 0 || one.name[NAME_BYTES - 1] != 0 || !is_wire(one.offset, one.size) ||
                one.flags > (IS_POSITIVE | IS_OPTIONAL) || !is_finite(one.minimum) || !is_finite(one.maximum) ||
                !(one.minimum <= one.initial && one.initial <= one.maximum))
                return false;
        }
        return true;
    }

    bool has_good_tensors() const {
        uint64_t end = 0;
        for (uint32_t i = 0; i < header.n_tensors; i++) {
            const TensorRecord one = tensor(i);
            if (one.type > (header.version < VERSION_OF_INT8 ? 1u : 2u) || one.rows < 1 || one.columns < 1 || one.n_elements > MOST_ELEMENTS ||
                one.n_elements != static_cast<uint64_t>(one.rows) * one.columns || one.at < end || one.at % 4 != 0 ||
                !inside(one.at, one.n_bytes(), 1) || !is_all_finite(one))
                return false;
            end = one.at + one.n_bytes();
        }
        return true;
    }

    bool is_all_finite(const TensorRecord& one) const {
        // An exponent of all ones is NaN or ∞.
        bool is_bad = false;
        const uint8_t* at = bytes + one.at;
        if (one.is_int8())
            // 128 times a scale is finite as well.
            for (uint64_t i = 0; i < one.rows; i++) is_bad |= !is_finite(128.0f * read<float>(at + 4 * i));
        else if (one.is_half())
            for (uint64_t i = 0; i < one.n_elements; i++) is_bad |= (read<uint16_t>(at + 2 * i) & 0x7C00u) == 0x7C00u;
        else
            for (uint64_t i = 0; i < one.n_elements; i++) is_bad |= (read<uint32_t>(at + 4 * i) & 0x7F800000u) == 0x7F800000u;
        return !is_bad;
    }

    // Operations take arguments and tensors in order, all of them. Inputs and outputs fill the workspace from its start to
    // its end, each behind the one before; an operation reads what lies before its own output.
    bool has_good_operations() const {
        uint64_t n_arguments = 0, n_tensors = 0, end = 0;
        uint32_t next_input = 0;
        const auto pass_inputs = [&] {
            for (; next_input < header.n_inputs && input(next_input).offset == end; next_input++) end += input(next_input).size;
        };
        for (uint32_t i = 0; i < header.n_operations; i++) {
            pass_inputs();
            const OperationRecord one = operation(i);
            const uint64_t first = n_arguments;
            n_arguments += one.n_arguments();
            n_tensors += one.n_tensors;
            if (n_arguments > header.n_arguments || n_tensors > header.n_tensors) return false;
            if (one.kind[KIND_BYTES - 1] != 0 || one.output != end || !is_wire(one.output, one.size)) return false;
            end += one.size;
            for (uint64_t w = first; w < first + one.n_wires; w++) {
                const uint64_t wire = argument(static_cast<uint32_t>(w));
                const uint64_t offset = wire & 0xFFFFFFFFu, size = wire >> 32;
                if (size < 1 || offset + size > one.output) return false;
            }
        }
        pass_inputs();
        return n_arguments == header.n_arguments && n_tensors == header.n_tensors && next_input == header.n_inputs &&
               end == header.n_values;
    }

    bool is_whole() const {
        const uint8_t nothing[DIGEST_BYTES] = {};
        uint8_t digest[DIGEST_BYTES];
        Sha256 hash;
        hash.add(bytes, DIGEST_AT);
        hash.add(nothing, DIGEST_BYTES);
        hash.add(bytes + DIGEST_AT + DIGEST_BYTES, n_bytes - DIGEST_AT - DIGEST_BYTES);
        hash.finish(digest);
        return std::memcmp(digest, bytes + DIGEST_AT, DIGEST_BYTES) == 0;
    }
};

}  // namespace
