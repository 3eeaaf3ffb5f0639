#include "args.h"

#include <cmath>

namespace mlab {

Bytes bytesOf(const Napi::Value& typedArray) {
  napi_typedarray_type type;
  Bytes bytes{nullptr, 0};
  size_t elements = 0;
  // Not over `ArrayBuffer()`, which a shared buffer is none.
  if (napi_get_typedarray_info(typedArray.Env(), typedArray, &type, &elements, &bytes.data, nullptr,
                               nullptr) == napi_ok)
    bytes.length = elements * typedArray.As<Napi::TypedArray>().ElementSize();
  return bytes;
}

void Args::fail(const char* name, const std::string& expected, const std::string& got) {
  throw Napi::TypeError::New(
      info_.Env(), std::string(function_) + ": argument " + name + ": expected " + expected + ", got " + got);
}

std::string Args::describe(const Napi::Value& value) {
  if (value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsTypedArray()) {
    static const char* const kNames[] = {"Int8Array",    "Uint8Array",    "Uint8ClampedArray", "Int16Array",
                                         "Uint16Array",  "Int32Array",    "Uint32Array",       "Float32Array",
                                         "Float64Array", "BigInt64Array", "BigUint64Array"};
    Napi::TypedArray array = value.As<Napi::TypedArray>();
    const int type = array.TypedArrayType();
    const std::string name = type >= 0 && type <= 10 ? kNames[type] : "typed array";
    return name + " of length " + std::to_string(array.ElementLength());
  }
  // Nothing here may call JavaScript: an object's toString is the caller's code.
  switch (value.Type()) {
    case napi_string: {
      constexpr size_t kShown = 40;
      const std::u16string text = value.As<Napi::String>().Utf16Value();
      const std::string shown = Napi::String::New(value.Env(), text.substr(0, kShown)).Utf8Value();
      return text.size() > kShown ? shown + "..." : shown;
    }
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_object:
      return value.IsArray() ? "an array" : "an object";
    default:
      return value.ToString().Utf8Value();
  }
}

int64_t Args::whole(const Napi::Value& value, const char* name, int64_t minimum) {
  if (!value.IsNumber()) fail(name, "a number", describe(value));
  constexpr double kMost = 9007199254740991;  // 2^53 - 1: beyond it numbers are not exact
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= static_cast<double>(minimum) && number <= kMost) || number != std::floor(number))
    fail(name, "a whole number >= " + std::to_string(minimum), describe(value));
  return static_cast<int64_t>(number);
}

void Args::refuseShared(const char* name) {
  const Napi::Value value = info_[index_];
  napi_value buffer = nullptr;
  bool isPlain = true;
  const bool isArray =
      napi_get_typedarray_info(info_.Env(), value, nullptr, nullptr, nullptr, &buffer, nullptr) == napi_ok;
  if (isArray && napi_is_arraybuffer(info_.Env(), buffer, &isPlain) == napi_ok && !isPlain)
    fail(name, "an Int32Array that no other thread can change", "one over a SharedArrayBuffer");
}

void* Args::arrayAny(const char* name, napi_typedarray_type type, const char* typeName, int64_t& length) {
  Napi::Value value = next();
  // One call for all of it: a decoded token has a thousand arrays.
  napi_typedarray_type actual;
  size_t elements = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info_.Env(), value, &actual, &elements, &data, nullptr, nullptr);
  if (status != napi_ok || actual != type)
    fail(name, length >= 0 ? std::string(typeName) + " of length " + std::to_string(length) : typeName,
         describe(value));
  length = static_cast<int64_t>(elements);
  // An empty array may have no address, and kernels copy from, and count from, the ones that they are given.
  alignas(64) static char nothing[64];
  return elements == 0 ? nothing : data;
}

void* Args::array(const char* name, napi_typedarray_type type, const char* typeName, int64_t length) {
  int64_t actual = length;
  const Napi::Value value = info_[index_];
  void* data = arrayAny(name, type, typeName, actual);
  if (actual != length)
    fail(name, std::string(typeName) + " of length " + std::to_string(length), describe(value));
  return data;
}

WeightView Args::weight(int64_t out, int64_t in) {
  constexpr int kBlock = 64;
  const int64_t n = product(out, in);
  Napi::Value value = info_[index_];
  const int type = value.IsTypedArray() ? value.As<Napi::TypedArray>().TypedArrayType() : -1;
  if (type == napi_uint8_array) {
    const void* data = bytes("weight", wholes(n, 2));
    return {WeightView::kNf4, data, floats("absmax", wholes(n, kBlock)), kBlock, out, in};
  }
  if (type != napi_float32_array && type != napi_uint16_array)
    fail("weight", "Float32Array, Uint16Array (bf16 bits) or Uint8Array (NF4)", describe(value));
  const bool half = type == napi_uint16_array;
  const void* data = half ? array("weight", napi_uint16_array, "Uint16Array", n) : floats("weight", n);
  if (!skipNull()) fail("absmax", "null beside a weight that is not NF4", describe(info_[index_]));
  return {half ? WeightView::kBfloat16 : WeightView::kFloat32, data, nullptr, 0, out, in};
}

LoraView Args::lora(int64_t out, int64_t in) {
  LoraView view{};
  if (skipNull()) {
    if (!skipNull()) fail("loraB", "null where loraA is null", describe(info_[index_]));
    index_ += 4;
    return view;
  }
  view.r = whole(info_[index_ + 2], "r", 1);
  view.a = floats("loraA", product(view.r, in));
  view.b = floats("loraB", product(out, view.r));
  ++index_;
  view.scale = static_cast<float>(number("scale"));
  view.dropout = static_cast<float>(number("dropout"));
  require(view.dropout >= 0 && view.dropout < 1, "dropout must be in [0, 1)");
  view.seed = static_cast<uint32_t>(integer("seed"));
  return view;
}

}  // namespace mlab
