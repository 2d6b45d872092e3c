// Memory for numbers: from an arena that was measured before, or from the heap where kernels use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

// Under AddressSanitizer, whatever lies between two pieces of an arena is forbidden ground.
#if defined(__SANITIZE_ADDRESS__)
#define OSCINE_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OSCINE_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(OSCINE_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace {

// Memory that is handed out once and never given back. Without a base it only measures: what it hands out is null, and
// the measure cannot overflow where an address does.
class Arena {
    char* base;
    uint64_t n_used = 0;

   public:
    static constexpr uint64_t ALIGNMENT = 64;

    explicit Arena(void* memory) : base(static_cast<char*>(memory)) {}

    // The first address in a piece of memory at which anything may lie.
    static void* align(void* memory) {
        return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    }

    bool is_real() const { return base != nullptr; }
    uint64_t used() const { return n_used; }

    template <class T>
    T* take(int64_t n) {
        T* at = base ? reinterpret_cast<T*>(base + n_used) : nullptr;
        const uint64_t n_bytes = static_cast<uint64_t>(n) * sizeof(T);
        uint64_t whole = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
#if defined(OSCINE_ADDRESS_SANITIZER)
        whole += ALIGNMENT;
        if (at) {
            ASAN_UNPOISON_MEMORY_REGION(at, n_bytes);
            ASAN_POISON_MEMORY_REGION(reinterpret_cast<char*>(at) + n_bytes, whole - n_bytes);
        }
#endif
        n_used += whole;
        return at;
    }
};

// An array of plain numbers, zero at first. On the heap it can grow; from an arena it keeps its size, and costs nothing
// to create while the arena measures.
template <class T>
class Buffer {
    T* at = nullptr;
    int64_t n = 0, capacity = 0;
    bool is_owned = false;

   public:
    Buffer() = default;
    explicit Buffer(int64_t size, Arena* arena = nullptr) : n(size), capacity(size), is_owned(!arena) {
        if (arena) {
            at = arena->take<T>(size);
        } else {
            at = allocate(size);
        }
        if (at) std::memset(static_cast<void*>(at), 0, static_cast<size_t>(size) * sizeof(T));
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() {
        if (is_owned) std::free(at);
    }

    T* data() { return at; }
    const T* data() const { return at; }
    T* begin() { return at; }
    T* end() { return at + n; }
    const T* begin() const { return at; }
    const T* end() const { return at + n; }
    int64_t size() const { return n; }
    T& operator[](int64_t i) { return at[i]; }
    const T& operator[](int64_t i) const { return at[i]; }

    void zero() { std::memset(static_cast<void*>(at), 0, static_cast<size_t>(n) * sizeof(T)); }

    // Set the size and every number to zero.
    void assign_zero(int64_t size) {
        resize(size);
        zero();
    }

    // What was in it is lost where it grows.
    void resize(int64_t size) {
        if (size > capacity) {
            if (is_owned || !at) {
                if (is_owned) std::free(at);
                at = allocate(size);
                is_owned = true;
                capacity = size;
            } else {
                __builtin_trap();  // an arena's buffer is measured for its largest size
            }
        }
        n = size;
    }

    void swap(Buffer& other) {
        Buffer* both[2] = {this, &other};
        T* other_at = both[1]->at;
        const int64_t other_n = both[1]->n, other_capacity = both[1]->capacity;
        const bool other_owned = both[1]->is_owned;
        other.at = at, other.n = n, other.capacity = capacity, other.is_owned = is_owned;
        at = other_at, n = other_n, capacity = other_capacity, is_owned = other_owned;
    }

   private:
    static T* allocate(int64_t size) {
        void* memory = std::malloc(static_cast<size_t>(size > 0 ? size : 1) * sizeof(T));
        if (!memory) __builtin_trap();
        return static_cast<T*>(memory);
    }
};

}  // namespace
