// The attention of decodeLayers.cu: one new token over the cache of a layer, rope included. The keys of a kv
// head are dealt out to blocks; for each kv head one more block joins the parts.
#pragma once
#include "decodeProduct.cuh"

namespace {

/** Half a warp attends the keys of one query head, kSteps of them at once, a lane 8 columns of them; so many
 * half warps share the keys of a head. */
constexpr int kKeyLanes = 2 * kWarps / kRows;
constexpr int kSteps = 4;
constexpr int kKeysAtOnce = kKeyLanes * kSteps;

/** Of AttentionRoom. */
constexpr int kAttentionBytes = 4 * ((kRows + 2) * kHead + kKeyLanes * kRows * (kHead + 2));

/** In the room of x and the sums. */
struct AttentionRoom {
  /** [kRows, kHead]: queries, first as they come, then rotated and scaled. */
  float* q;
  /** [kHead]: the new key as it comes; [kHead] in bfloat16: rotated, and the new value. */
  float* rawKey;
  bfloat16 *key, *value;
  /** [kKeyLanes, kRows, kHead + 2]: sums of each half warp, its maximum, its sum of weights. */
  float* partial;
  __device__ explicit AttentionRoom(int at)
      : q(shared<float>(at)),
        rawKey(q + kRows * kHead),
        key(reinterpret_cast<bfloat16*>(rawKey + kHead)),
        value(key + kHead),
        partial(reinterpret_cast<float*>(value + kHead)) {}
};

__device__ inline Values<8> eightOf(const uint4& v) {
  return {{lowFloat(v.x), highFloat(v.x), lowFloat(v.y), highFloat(v.y), lowFloat(v.z), highFloat(v.z),
           lowFloat(v.w), highFloat(v.w)}};
}

/** A lane's part of a key and its value. */
struct KeyValue {
  uint4 k, v;
};
/** From the cache, where the new one, `past`, is not yet. */
__device__ inline KeyValue loadKey(const bfloat16* keys, const bfloat16* values, int64 at, bool there) {
  if (!there) return {make_uint4(0, 0, 0, 0), make_uint4(0, 0, 0, 0)};
  return {*reinterpret_cast<const uint4*>(keys + at), *reinterpret_cast<const uint4*>(values + at)};
}

__device__ inline void attendPart(int roomAt, const LayerTable& layer, unsigned tag, int job, int begin,
                                  int past, int keysOfPart, int used) {
  const Lanes l;
  const Model& m = desk().model;
  const Exchange& exchange = desk().exchange;
  const Deal& deal = desk().deal;
  const AttentionRoom room(roomAt);
  const int set = job % deal.sets, part = job / deal.sets;
  const int kvHead = set / deal.setsOfHead, firstRow = set % deal.setsOfHead * kRows;
  const int rows = min(kRows, deal.group - firstRow), firstHead = kvHead * deal.group + firstRow;
  const int first = begin + part * keysOfPart, end = min(first + keysOfPart, past + 1);
  const int stride = m.kvHeads * kHead;
  const int g = (l.warp & 1) * 2 + (l.lane >> 4), keyLane = l.warp >> 1, columns = 8 * (l.lane & 15);
  const auto load = [&](int key) {
    return loadKey(layer.keys, layer.values, static_cast<int64>(key) * stride + kvHead * kHead + columns,
                   key < end && key < past);
  };
  KeyValue own[kSteps];
#pragma unroll
  for (int u = 0; u < kSteps; ++u) own[u] = load(first + keyLane + u * kKeyLanes);

  const bool hasNew = end == past + 1;
  const Word* words = nullptr;
  const int pair = l.tid & 63, which = l.tid >> 6;  // rows of q, then the key, then the value
  if (which < rows)
    words = exchange.qkv + (firstHead + which) * 64 + pair;
  else if (hasNew && which >= kRows && which < kRows + 2)
    words = exchange.qkv + (m.heads + (which - kRows) * m.kvHeads + kvHead) * 64 + pair;
  unsigned bits = 0;
  if (words) {
    Word word;
    while (!hasTag(word = loadRelaxed(words), tag)) pause();
    bits = valueOf(word);
  }
  if (which <= kRows) {
    float* raw = which < kRows ? room.q + which * kHead : room.rawKey;
    raw[2 * pair] = lowFloat(bits), raw[2 * pair + 1] = highFloat(bits);
  } else if (which == kRows + 1 && hasNew) {
    reinterpret_cast<unsigned*>(room.value)[pair] = bits;
    reinterpret_cast<unsigned*>(layer.values + static_cast<int64>(past) * stride + kvHead * kHead)[pair] =
        bits;
  }
  __syncthreads();
  if (which <= kRows) {
    float* raw = which < kRows ? room.q + which * kHead : room.rawKey;
    const float a = raw[pair], b = raw[pair + 64], c = shared<float>(kCosineAt)[pair],
                s = shared<float>(kSineAt)[pair];
    const bfloat16 low = fromFloat<bfloat16>(a * c - b * s), high = fromFloat<bfloat16>(b * c + a * s);
    if (which < kRows) {
      const float scale = m.attentionScale * 1.44269504088896341f;  // weights are powers of 2
      raw[pair] = toFloat(low) * scale, raw[pair + 64] = toFloat(high) * scale;
    } else if (hasNew) {
      bfloat16* cached = layer.keys + static_cast<int64>(past) * stride + kvHead * kHead;
      room.key[pair] = cached[pair] = low, room.key[pair + 64] = cached[pair + 64] = high;
    }
  }
  __syncthreads();

  float out[8] = {}, maximum = -kInfinity, total = 0;
  const Values<8> query = loadValues<8>(room.q + g * kHead + columns);
#pragma unroll 1
  for (int at = first + keyLane; at - keyLane < end; at += kKeysAtOnce) {
    float scores[kSteps], largest = maximum;
#pragma unroll
    for (int u = 0; u < kSteps; ++u) {
      if (at + u * kKeyLanes == past)
        own[u] = {*reinterpret_cast<const uint4*>(room.key + columns),
                  *reinterpret_cast<const uint4*>(room.value + columns)};
      const Values<8> k = eightOf(own[u].k);
      scores[u] = 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) scores[u] = fmaf(query.values[i], k.values[i], scores[u]);
    }
#pragma unroll
    for (int offset = 8; offset > 0; offset /= 2)
#pragma unroll
      for (int u = 0; u < kSteps; ++u) scores[u] += __shfl_xor_sync(kFullWarp, scores[u], offset);
#pragma unroll
    for (int u = 0; u < kSteps; ++u) {
      if (at + u * kKeyLanes >= end) scores[u] = -kInfinity;
      largest = fmaxf(largest, scores[u]);
    }
    const float base = largest == -kInfinity ? 0.0f : largest, factor = exp2Fast(maximum - base);
    maximum = largest;
    total *= factor;
#pragma unroll
    for (float& x : out) x *= factor;
#pragma unroll
    for (int u = 0; u < kSteps; ++u) {
      const float weight = exp2Fast(scores[u] - base);
      const Values<8> v = eightOf(own[u].v);
      total += weight;
#pragma unroll
      for (int i = 0; i < 8; ++i) out[i] = fmaf(weight, v.values[i], out[i]);
      own[u] = load(at + kKeysAtOnce + u * kKeyLanes);
    }
  }
  float* to = room.partial + (keyLane * kRows + g) * (kHead + 2);
#pragma unroll
  for (int i = 0; i < 8; i += 2)
    *reinterpret_cast<float2*>(to + columns + i) = make_float2(out[i], out[i + 1]);
  if (columns == 0) to[kHead] = maximum, to[kHead + 1] = total;
  __syncthreads();

  const int row = l.tid >> 7, column = l.tid & 127;
  float largest = -kInfinity, sum = 0, x = 0;
#pragma unroll
  for (int w = 0; w < kKeyLanes; ++w)
    largest = fmaxf(largest, room.partial[(w * kRows + row) * (kHead + 2) + kHead]);
  const float base = largest == -kInfinity ? 0.0f : largest;
#pragma unroll
  for (int w = 0; w < kKeyLanes; ++w) {
    const float* from = room.partial + (w * kRows + row) * (kHead + 2);
    const float factor = exp2Fast(from[kHead] - base);
    sum = fmaf(factor, from[kHead + 1], sum);
    x = fmaf(factor, from[column], x);
  }
  if (used == 1) {
    const float y = x / sum, next = __shfl_xor_sync(kFullWarp, y, 1);
    if (row < rows && (column & 1) == 0)
      give(exchange.attended + ((firstHead + row) * kHead + column) / 2, packBfloat16(y, next), tag);
  } else if (row < rows) {
    Word* to = exchange.parts + static_cast<int64>((set * deal.parts + part) * kRows + row) * (kHead + 2);
    give(to + column, __float_as_uint(x), tag);
    if (column < 2) give(to + kHead + column, __float_as_uint(column == 0 ? largest : sum), tag);
  }
  __syncthreads();
}

/** As takeFloats of both, with one wait. */
template <int N>
__device__ inline void takeParts(float (&ends)[2], float (&values)[N], const Word* endsAt, bool hasEnds,
                                 const Word* at, int64 stride, int count, unsigned tag) {
  Word words[N], two[2] = {without(tag), without(tag)};
#pragma unroll
  for (int i = 0; i < N; ++i) words[i] = without(tag);
  for (;;) {
    bool ready = true;
    if (hasEnds) two[0] = loadRelaxed(endsAt), two[1] = loadRelaxed(endsAt + 1);
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (i < count && !hasTag(words[i], tag)) words[i] = loadRelaxed(at + i * stride);
#pragma unroll
    for (int i = 0; i < N; ++i) ready &= i >= count || hasTag(words[i], tag);
    ready &= !hasEnds || (hasTag(two[0], tag) && hasTag(two[1], tag));
    if (__all_sync(kFullWarp, ready)) break;
    pause();
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) ends[i] = hasEnds ? __uint_as_float(valueOf(two[i])) : 0.0f;
#pragma unroll
  for (int i = 0; i < N; ++i) values[i] = i < count ? __uint_as_float(valueOf(words[i])) : 0.0f;
}

/** Joins the parts of a set. */
__device__ inline void joinParts(const Exchange& exchange, const Deal& deal, unsigned tag, int set,
                                 int used) {
  const Lanes l;
  const int firstRow = set % deal.setsOfHead * kRows,
            firstHead = set / deal.setsOfHead * deal.group + firstRow;
  const int g = l.tid >> 7, column = l.tid & 127;  // a warp has one g
  if (g >= min(kRows, deal.group - firstRow)) return;
  const int64 stride = kRows * (kHead + 2);
  const Word* from = exchange.parts + static_cast<int64>(set * deal.parts * kRows + g) * (kHead + 2);
  // Lane p has the ends of part p, and each lane its column of the first 16 parts; all are read at once.
  constexpr int kAtOnce = 16;
  float ends[2], values[kAtOnce];
  takeParts(ends, values, from + l.lane * stride + kHead, l.lane < used, from + column, stride, used, tag);
  const float largest = warpMax(l.lane < used ? ends[0] : -kInfinity);
  const float base = largest == -kInfinity ? 0.0f : largest;
  const float factor = l.lane < used ? exp2Fast(ends[0] - base) : 0.0f;
  const float weight = factor / warpSum(factor * ends[1]);
  float y = 0;
#pragma unroll 1
  for (int begin = 0;;) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) y = fmaf(__shfl_sync(kFullWarp, weight, begin + i), values[i], y);
    begin += kAtOnce;
    if (begin >= used) break;
    takeFloats(values, from + begin * stride + column, stride, used - begin, tag);
  }
  const float next = __shfl_xor_sync(kFullWarp, y, 1);
  if ((column & 1) == 0)
    give(exchange.attended + ((firstHead + g) * kHead + column) / 2, packBfloat16(y, next), tag);
}

/** `roomAt`: where AttentionRoom may be in shared memory. */
__device__ inline void attend(int roomAt, const LayerTable& layer, unsigned tag, int past) {
  const Deal& deal = desk().deal;
  const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  const int begin = layer.window > 0 ? max(0, past - layer.window + 1) : 0, seen = past + 1 - begin;
  // A multiple of what a block reads at once.
  const int unit = kKeysAtOnce;
  const int keysOfPart = ((seen + deal.parts - 1) / deal.parts + unit - 1) / unit * unit;
  const int used = (seen + keysOfPart - 1) / keysOfPart;
#pragma unroll 1
  for (int job = block; job < deal.sets * used; job += blocks)
    attendPart(roomAt, layer, tag, job, begin, past, keysOfPart, used);
  // The last blocks join: the first have the parts.
  if (used > 1)
#pragma unroll 1
    for (int set = blocks - 1 - block; set < deal.sets; set += blocks)
      joinParts(desk().exchange, deal, tag, set, used);
}

}  // namespace
