// Argument checks of the addon's entries. Every entry reads its arguments through Args, which throws a
// JavaScript TypeError or RangeError that names the function, the argument, what was expected and what came.
// Typed arrays are used in place: the addon never keeps a pointer after the call returns.
#pragma once
#include <napi.h>

#include <cstdint>
#include <string>

#include "../cpu/kernels.h"

namespace mlab {

/**
 * The product of numbers >= 0, or INT64_MAX where it is more: no array is so long, so the check of the length
 * refuses it. A product that overflowed could fit an empty array.
 */
template <class... Rest>
int64_t product(int64_t first, Rest... rest) {
  int64_t result = first;
  const auto multiply = [&](int64_t factor) {
    if (__builtin_mul_overflow(result, factor, &result)) result = INT64_MAX;
  };
  (multiply(rest), ...);
  return result;
}

/** ceil(n / size); n may be INT64_MAX. */
inline int64_t wholes(int64_t n, int64_t size) { return n / size + (n % size != 0); }

/** What a typed array holds now. */
struct Bytes {
  void* data;
  size_t length;
};
Bytes bytesOf(const Napi::Value& typedArray);

class Args {
 public:
  Args(const Napi::CallbackInfo& info, const char* function) : info_(info), function_(function) {}

  /** Float32Array of exactly `length` elements. */
  float* floats(const char* name, int64_t length) {
    return static_cast<float*>(array(name, napi_float32_array, "Float32Array", length));
  }
  /** As floats(), or nullptr where the argument is null. */
  float* floatsOrNull(const char* name, int64_t length) {
    return skipNull() ? nullptr : floats(name, length);
  }
  /** Float32Array of any length; the length is written to `length`. */
  float* floatsAny(const char* name, int64_t& length) {
    length = -1;
    return static_cast<float*>(arrayAny(name, napi_float32_array, "Float32Array", length));
  }
  /**
   * Indices, which the entry checks before the kernel uses them: not over a SharedArrayBuffer, whose values
   * another thread could change in between.
   */
  const int32_t* ints(const char* name, int64_t length) {
    refuseShared(name);
    return static_cast<int32_t*>(array(name, napi_int32_array, "Int32Array", length));
  }
  const int32_t* intsAny(const char* name, int64_t& length) {
    length = -1;
    refuseShared(name);
    return static_cast<int32_t*>(arrayAny(name, napi_int32_array, "Int32Array", length));
  }
  uint8_t* bytes(const char* name, int64_t length) {
    return static_cast<uint8_t*>(array(name, napi_uint8_array, "Uint8Array", length));
  }
  uint8_t* bytesAny(const char* name, int64_t& length) {
    length = -1;
    return static_cast<uint8_t*>(arrayAny(name, napi_uint8_array, "Uint8Array", length));
  }
  /** Any typed array. */
  Bytes anyArray(const char* name) {
    const Napi::Value value = next();
    if (!value.IsTypedArray()) fail(name, "a typed array", describe(value));
    return bytesOf(value);
  }
  double number(const char* name) {
    Napi::Value value = next();
    if (!value.IsNumber()) fail(name, "a number", describe(value));
    return value.As<Napi::Number>().DoubleValue();
  }
  /** A whole number >= minimum. */
  int64_t integer(const char* name, int64_t minimum = 0) { return whole(next(), name, minimum); }
  bool boolean(const char* name) {
    Napi::Value value = next();
    if (!value.IsBoolean()) fail(name, "a boolean", describe(value));
    return value.As<Napi::Boolean>().Value();
  }
  std::string text(const char* name) {
    Napi::Value value = next();
    if (!value.IsString()) fail(name, "a string", describe(value));
    return value.As<Napi::String>().Utf8Value();
  }
  /** Two arguments: data (Float32Array, Uint16Array of bf16 bits, Uint8Array of NF4 pairs) and absmax or
   * null. */
  WeightView weight(int64_t out, int64_t in);
  /** Six arguments: a [r,in] or null, b [out,r] or null, r, scale, dropout, seed. */
  LoraView lora(int64_t out, int64_t in);
  /** Whether there are arguments that nobody has read. */
  bool left() const { return index_ < info_.Length(); }
  /** Throws when `ok` is false: a rule that spans several arguments. */
  void require(bool ok, const std::string& rule) {
    if (!ok) throw Napi::RangeError::New(info_.Env(), std::string(function_) + ": " + rule);
  }

 private:
  Napi::Value next() { return info_[index_++]; }
  bool skipNull() {
    if (!info_[index_].IsNull()) return false;
    ++index_;
    return true;
  }
  int64_t whole(const Napi::Value& value, const char* name, int64_t minimum);
  void refuseShared(const char* name);
  static std::string describe(const Napi::Value& value);
  void* arrayAny(const char* name, napi_typedarray_type type, const char* typeName, int64_t& length);
  void* array(const char* name, napi_typedarray_type type, const char* typeName, int64_t length);
  [[noreturn]] void fail(const char* name, const std::string& expected, const std::string& got);

  const Napi::CallbackInfo& info_;
  const char* function_;
  size_t index_ = 0;
};

}  // namespace mlab
