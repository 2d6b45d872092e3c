// SHA-256 (FIPS 180-4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

class Sha256 {
    uint32_t state[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                         0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
    uint8_t block[64];
    size_t n_pending = 0;
    uint64_t n_bytes = 0;

    static uint32_t turn(uint32_t x, int by) { return (x >> by) | (x << (32 - by)); }

    void compress(const uint8_t* from) {
        static const uint32_t constants[64] = {
            0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
            0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
            0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
            0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
            0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
            0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
            0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
            0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
        uint32_t w[64];
        for (int i = 0; i < 16; i++)
            w[i] = static_cast<uint32_t>(from[4 * i]) << 24 | static_cast<uint32_t>(from[4 * i + 1]) << 16 |
                   static_cast<uint32_t>(from[4 * i + 2]) << 8 | from[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            const uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >> 10));
        }
        uint32_t s[8];
        std::memcpy(s, state, sizeof s);
        for (int i = 0; i < 64; i++) {
            const uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
            const uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            const uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + choice + constants[i] + w[i];
            const uint32_t two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + majority;
            for (int j = 7; j > 0; j--) s[j] = s[j - 1];
            s[4] += one;
            s[0] = one + two;
        }
        for (int i = 0; i < 8; i++) state[i] += s[i];
    }

   public:
    void add(const void* bytes, size_t n) {
        const uint8_t* from = static_cast<const uint8_t*>(bytes);
        n_bytes += n;
        while (n > 0) {
            if (n_pending == 0 && n >= 64) {
                compress(from);
                from += 64, n -= 64;
                continue;
            }
            const size_t count = n < 64 - n_pending ? n : 64 - n_pending;
            std::memcpy(block + n_pending, from, count);
            n_pending += count, from += count, n -= count;
            if (n_pending == 64) compress(block), n_pending = 0;
        }
    }

    void finish(uint8_t* digest) {
        const uint64_t n_bits = 8 * n_bytes;
        const uint8_t one = 0x80, zero = 0;
        add(&one, 1);
        while (n_pending != 56) add(&zero, 1);
        uint8_t length[8];
        for (int i = 0; i < 8; i++) length[i] = static_cast<uint8_t>(n_bits >> (56 - 8 * i));
        add(length, 8);
        for (int i = 0; i < 32; i++) digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
};

}  // namespace
