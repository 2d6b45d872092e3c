// Reading the metadata of a program: JSON that anyone may have written. What is not there, or not as expected, is nothing.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>

namespace {

// A place in JSON text: the beginning of a value, or nowhere.
class Json {
    const char* at;
    const char* end;

    static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
    static bool ends_scalar(char c) { return is_space(c) || c == ',' || c == ':' || c == '"' || c == '{' || c == '}' || c == '[' || c == ']'; }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    bool is(char c) const { return at < end && *at == c; }

    void skip_space() {
        while (at < end && is_space(*at)) at++;
    }

    // From a quotation mark to behind the one that closes.
    void skip_string() {
        for (at++; at < end && *at != '"'; at++)
            if (*at == '\\') at++;
        at = at < end ? at + 1 : end;
    }

    void skip_value() {
        int depth = 0;
        do {
            skip_space();
            if (is('"')) {
                skip_string();
            } else if (is('{') || is('[')) {
                depth++, at++;
            } else if (is('}') || is(']')) {
                depth--, at++;
            } else if (is(':') || is(',')) {
                at++;
            } else if (at < end) {
                while (at < end && !ends_scalar(*at)) at++;
            }
        } while (at < end && depth > 0);
    }

    // Behind the comma that follows a value; nowhere behind the last one.
    bool go_on() {
        skip_value();
        skip_space();
        if (!is(',')) return false;
        at++;
        skip_space();
        return true;
    }

   public:
    Json(const char* text, size_t n_bytes) : at(text), end(text + n_bytes) { skip_space(); }

    explicit operator bool() const { return at < end; }

    // The value of a name in an object.
    Json member(const char* name) const {
        Json here = *this;
        const size_t length = std::strlen(name);
        if (!here.is('{')) return {end, 0};
        here.at++;
        here.skip_space();
        while (here.is('"')) {
            const char* begin = here.at + 1;
            here.skip_string();
            const bool found = here.at - begin == static_cast<std::ptrdiff_t>(length + 1) && !std::memcmp(begin, name, length);
            here.skip_space();
            if (!here.is(':')) break;
            here.at++;
            here.skip_space();
            if (found) return here;
            if (!here.go_on()) break;
        }
        return {end, 0};
    }

    // Read a number that is finite; false where there is none.
    bool number(double* value) const {
        Json here = *this;
        const bool negative = here.is('-');
        if (negative) here.at++;
        if (here.at >= here.end || !is_digit(*here.at)) return false;
        double result = 0;
        int exponent = 0, written = 0, sign = 1;
        for (; here.at < here.end && is_digit(*here.at); here.at++) result = result * 10 + (*here.at - '0');
        if (here.is('.'))
            for (here.at++; here.at < here.end && is_digit(*here.at); here.at++, exponent--) result = result * 10 + (*here.at - '0');
        if (here.is('e') || here.is('E')) {
            here.at++;
            if (here.is('-') || here.is('+')) sign = *here.at++ == '-' ? -1 : 1;
            for (; here.at < here.end && is_digit(*here.at) && written < 1000; here.at++) written = written * 10 + (*here.at - '0');
        }
        result *= std::pow(10.0, exponent + sign * written);
        if (!std::isfinite(result)) return false;
        *value = negative ? -result : result;
        return true;
    }

    // Read an array of exactly so many numbers.
    bool numbers(double* values, size_t count) const {
        Json here = *this;
        if (!here.is('[')) return false;
        here.at++;
        here.skip_space();
        for (size_t i = 0; i < count; i++) {
            if (!here.number(&values[i])) return false;
            if (here.go_on() != (i + 1 < count)) return false;
        }
        return true;
    }
};

}  // namespace
