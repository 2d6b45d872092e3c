// The program file as it lies in memory, every number in it checked before it is used. docs/program-file.md has the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "oscine_runtime.h"
#include "sha256.h"

namespace {

// Limits of the format: far beyond what an instrument needs, and small enough that no product of two overflows.
constexpr uint32_t MOST_VALUES = 1u << 24, MOST_OPERATIONS = 1u << 16, MOST_TENSORS = 1u << 16, MOST_INPUTS = 1u << 10;
constexpr uint32_t MOST_HOP = 1u << 16, MOST_RATE = 1u << 20, MOST_LATENCY = 1u << 24, MOST_ARGUMENTS = 1u << 20;
constexpr uint64_t MOST_ELEMENTS = 1ull << 28, MOST_STATE = 1ull << 28;
constexpr size_t HEADER_BYTES = 192, DIGEST_AT = 128, DIGEST_BYTES = 32;
constexpr size_t INPUT_BYTES = 96, OPERATION_BYTES = 32, TENSOR_BYTES = 32, NAME_BYTES = 64;
constexpr uint32_t FORMAT_VERSION = 1;
constexpr char MAGIC[8] = {'O', 'S', 'C', 'I', 'N', 'E', '\r', '\n'};

struct Header {
    uint32_t version, sample_rate, hop_length, latency, n_inputs, n_operations, n_tensors, n_values, output, n_arguments;
    uint64_t inputs_at, operations_at, arguments_at, tensors_at, metadata_at, metadata_size, file_size;
};

struct InputRecord {
    char name[NAME_BYTES];
    uint32_t offset, size;
    float initial, minimum, maximum;
    uint32_t positive;
};

struct OperationRecord {
    uint32_t kind, output, size, first_argument;
    uint16_t n_wires, n_integers, n_numbers, n_tensors;
};

struct TensorRecord {
    uint64_t at, n_elements;
    uint32_t type, rows, columns;  // type 0: float32, 1: float16
};

template <class T>
T read(const uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

inline float from_half(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, exponent = (half >> 10) & 31, rest = half & 1023;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7F800000u | rest << 13;
    } else if (exponent == 0) {
        const float value = static_cast<float>(rest) * 5.9604644775390625e-08f;
        std::memcpy(&bits, &value, 4);
        bits |= sign;
    } else {
        bits = sign | (exponent + 112) << 23 | rest << 13;
    }
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
}

class File {
    const uint8_t* bytes;
    size_t n_bytes;

   public:
    Header header{};

    File(const void* program, size_t size) : bytes(static_cast<const uint8_t*>(program)), n_bytes(size) {}

    // Check everything that does not depend on the kinds of operations.
    int open() {
        if (n_bytes < HEADER_BYTES || std::memcmp(bytes, MAGIC, sizeof MAGIC) != 0) return OSCINE_NOT_A_PROGRAM;
        uint32_t* small[] = {&header.version,      &header.sample_rate, &header.hop_length, &header.latency,
                             &header.n_inputs,     &header.n_operations, &header.n_tensors, &header.n_values,
                             &header.output,       &header.n_arguments};
        for (size_t i = 0; i < 10; i++) *small[i] = read<uint32_t>(bytes + 8 + 4 * i);
        if (header.version != FORMAT_VERSION) return OSCINE_OTHER_VERSION;
        uint64_t* large[] = {&header.inputs_at,  &header.operations_at, &header.arguments_at, &header.tensors_at,
                             &header.metadata_at, &header.metadata_size, &header.file_size};
        for (size_t i = 0; i < 7; i++) *large[i] = read<uint64_t>(bytes + 48 + 8 * i);
        if (header.file_size != n_bytes) return OSCINE_INVALID;
        if (!is_whole()) return OSCINE_DAMAGED;
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
        for (uint32_t i = 0; i < header.n_inputs; i++) {
            const InputRecord one = input(i);
            if (one.name[0] == 0 || one.name[NAME_BYTES - 1] != 0 || one.size < 1 || !is_wire(one.offset, one.size) ||
                one.positive > 1 || !(one.minimum <= one.maximum) || !(one.initial >= one.minimum && one.initial <= one.maximum))
                return OSCINE_INVALID;
        }
        for (uint32_t i = 0; i < header.n_tensors; i++) {
            const TensorRecord one = tensor(i);
            const uint64_t width = one.type == 0 ? 4 : 2;
            if (one.type > 1 || one.rows < 1 || one.columns < 1 || one.n_elements > MOST_ELEMENTS ||
                one.n_elements != static_cast<uint64_t>(one.rows) * one.columns || one.at % 4 != 0 ||
                !inside(one.at, one.n_elements, width))
                return OSCINE_INVALID;
        }
        for (uint32_t i = 0; i < header.n_operations; i++) {
            const OperationRecord one = operation(i);
            const uint64_t last = static_cast<uint64_t>(one.first_argument) + one.n_wires + one.n_integers + one.n_numbers + one.n_tensors;
            if (last > header.n_arguments || !is_wire(one.output, one.size)) return OSCINE_INVALID;
            for (uint32_t w = 0; w < one.n_wires; w++)
                if (!is_wire(wire_offset(one, w), wire_size(one, w))) return OSCINE_INVALID;
            for (uint32_t t = 0; t < one.n_tensors; t++) {
                const uint64_t index = argument(one.first_argument + one.n_wires + one.n_integers + one.n_numbers + t);
                if (index >= header.n_tensors) return OSCINE_INVALID;
            }
        }
        return OSCINE_OK;
    }

    InputRecord input(uint32_t i) const {
        const uint8_t* at = bytes + header.inputs_at + i * INPUT_BYTES;
        InputRecord one;
        std::memcpy(one.name, at, NAME_BYTES);
        one.offset = read<uint32_t>(at + 64), one.size = read<uint32_t>(at + 68);
        one.initial = read<float>(at + 72), one.minimum = read<float>(at + 76), one.maximum = read<float>(at + 80);
        one.positive = read<uint32_t>(at + 84);
        return one;
    }

    OperationRecord operation(uint32_t i) const {
        const uint8_t* at = bytes + header.operations_at + i * OPERATION_BYTES;
        OperationRecord one;
        one.kind = read<uint32_t>(at), one.output = read<uint32_t>(at + 4), one.size = read<uint32_t>(at + 8);
        one.first_argument = read<uint32_t>(at + 12);
        one.n_wires = read<uint16_t>(at + 16), one.n_integers = read<uint16_t>(at + 18);
        one.n_numbers = read<uint16_t>(at + 20), one.n_tensors = read<uint16_t>(at + 22);
        return one;
    }

    TensorRecord tensor(uint32_t i) const {
        const uint8_t* at = bytes + header.tensors_at + i * TENSOR_BYTES;
        return {read<uint64_t>(at), read<uint64_t>(at + 8), read<uint32_t>(at + 16), read<uint32_t>(at + 20), read<uint32_t>(at + 24)};
    }

    uint64_t argument(uint64_t i) const { return read<uint64_t>(bytes + header.arguments_at + 8 * i); }
    uint32_t wire_offset(const OperationRecord& one, uint32_t i) const { return static_cast<uint32_t>(argument(one.first_argument + i)); }
    uint32_t wire_size(const OperationRecord& one, uint32_t i) const { return static_cast<uint32_t>(argument(one.first_argument + i) >> 32); }
    const uint8_t* at(uint64_t position) const { return bytes + position; }

    void copy(const TensorRecord& one, float* to) const {
        if (one.type == 0) {
            std::memcpy(to, bytes + one.at, one.n_elements * 4);
        } else {
            for (uint64_t i = 0; i < one.n_elements; i++) to[i] = from_half(read<uint16_t>(bytes + one.at + 2 * i));
        }
    }

   private:
    bool inside(uint64_t at, uint64_t n, uint64_t width) const { return at <= n_bytes && n <= (n_bytes - at) / width; }

    bool is_wire(uint64_t offset, uint64_t size) const { return size >= 1 && offset + size <= header.n_values; }

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
