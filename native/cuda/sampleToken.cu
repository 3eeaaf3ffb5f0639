// The end of a decoding step that draws its token: repetition penalty, temperature, top-k and top-p as in
// sdk/generate/sampling.ts, from the same random numbers, and so the same tokens. Instead of a sort,
// thresholds are found by halving: each step sums the weights of all greater scores, in an order that is
// always the same. One block.
#include "nextToken.cuh"

namespace {

/** sfc32 of sdk/data/random.ts. */
struct Random {
  unsigned* state;  // [4]
  __device__ unsigned word() {
    const unsigned sum = state[0] + state[1] + state[3];
    state[3] += 1;
    state[0] = state[1] ^ (state[1] >> 9);
    state[1] = state[2] + (state[2] << 3);
    state[2] = ((state[2] << 21) | (state[2] >> 11)) + sum;
    return sum;
  }
  /** Uniform in [0, 1), 53 bits. */
  __device__ double next() {
    const double high = word() >> 5, low = word() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }
};

/** Scores as unsigned numbers in the same order, above 0; 0 for what is never drawn. */
__device__ inline unsigned keyOf(float score) {
  if (!(score > -kInfinity)) return 0;
  const unsigned bits = __float_as_uint(score + 0.0f);  // no -0
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/** The best scores: those above `key`, and the first `ties` of those with it. */
struct Cut {
  unsigned key;
  int ties;
};

struct Scores {
  int count;
  const unsigned* keys;
  const double* weights;
  double* shared;  // [kThreads]

  struct Sum {
    double weight;
    int number;
  };
  /** Of the scores with keys from `least` to `most`. */
  __device__ Sum between(unsigned least, unsigned most) const {
    double weight = 0, number = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads)
      if (keys[i] >= least && keys[i] <= most) weight += weights[i], number += 1;
    weight = blockSumDouble(weight, shared);
    number = blockSumDouble(number, shared);
    return {weight, static_cast<int>(number)};
  }
  /** Of all in the cut. */
  __device__ double weightOf(const Cut& cut) const {
    const Sum above = between(cut.key + 1, ~0u), equal = between(cut.key, cut.key);
    return above.weight + (equal.number > 0 ? cut.ties * (equal.weight / equal.number) : 0.0);
  }
  /** The greatest key whose scores and all greater ones are enough: `isEnough(sum)` of what is not above
   * `most`. */
  template <class IsEnough>
  __device__ unsigned greatest(const IsEnough& isEnough) const {
    unsigned key = 0;
    for (int bit = 31; bit >= 0; --bit) {
      const unsigned tried = key | 1u << bit;
      if (isEnough(between(tried, ~0u))) key = tried;
    }
    return max(key, 1u);
  }
};

/** Index of tie `place` of a key: ids with it, in their order. */
__device__ inline int tieAt(const Scores& scores, unsigned key, int place, int* found) {
  __shared__ int before[kThreads];
  const int thread = static_cast<int>(threadIdx.x), chunk = (scores.count + kThreads - 1) / kThreads;
  const int begin = min(thread * chunk, scores.count), end = min(begin + chunk, scores.count);
  int own = 0;
  for (int i = begin; i < end; ++i) own += scores.keys[i] == key;
  before[thread] = own;
  __syncthreads();
  if (thread == 0)
    for (int i = 0, sum = 0; i < kThreads; ++i) {
      const int number = before[i];
      before[i] = sum;
      sum += number;
    }
  __syncthreads();
  int at = before[thread];
  for (int i = begin; i < end; ++i)
    if (scores.keys[i] == key && at++ == place) *found = i;
  __syncthreads();
  return *found;
}

/**
 * logits [count]; seen [count]: ids of the text so far, other than 0, and the chosen one becomes one of them;
 * keys and weights [count] are for the kernel; options [3]: temperature, topP, repetitionPenalty; random [4]:
 * the state of the generator. id, position, ring, ringSize: as of nextToken.
 */
template <class T>
__device__ inline void sampleToken(const T* logits, int count, unsigned char* seen, unsigned* keys,
                                   double* weights, const double* options, int topK, unsigned* random,
                                   const Decoded& decoded) {
  beginInOrder();
  __shared__ double shared[kThreads];
  __shared__ double draw;
  __shared__ int found;
  const int thread = static_cast<int>(threadIdx.x);
  const double temperature = options[0], topP = options[1], penalty = options[2];
  const auto score = [&](int i) {
    const float logit = toFloat(logits[i]);
    if (penalty == 1.0 || !seen[i]) return logit;
    return static_cast<float>(logit > 0 ? logit / penalty : logit * penalty);
  };
  Choice best{0.0f, -1};
  for (int i = thread; i < count; i += kThreads) best.join(score(i), i);
  best = bestOfBlock(best);
  int id = best.id;
  if (temperature > 0 && id >= 0) {  // for the whole block
    for (int i = thread; i < count; i += kThreads) {
      const float own = score(i);
      keys[i] = keyOf(own);
      weights[i] = keys[i] == 0 ? 0.0 : exp((static_cast<double>(own) - best.score) / temperature);
    }
    if (thread == 0) {
      Random generator{random};
      draw = generator.next();
    }
    __syncthreads();
    const Scores scores{count, keys, weights, shared};
    const int drawn = scores.between(1, ~0u).number;
    const int kept = topK > 0 ? min(topK, drawn) : drawn;
    Cut cut;
    cut.key = scores.greatest([&](const Scores::Sum& sum) { return sum.number >= kept; });
    cut.ties = kept - scores.between(cut.key + 1, ~0u).number;
    const double all = scores.weightOf(cut);
    double mass = all;
    if (topP < 1.0) {
      const Cut byK = cut;
      cut.key =
          max(byK.key, scores.greatest([&](const Scores::Sum& sum) { return sum.weight >= topP * all; }));
      const Scores::Sum above = scores.between(cut.key + 1, ~0u), equal = scores.between(cut.key, cut.key);
      const int there = cut.key == byK.key ? byK.ties : equal.number;
      const double one = equal.weight / equal.number;
      cut.ties = 0;
      mass = above.weight;
      while (cut.ties < there && mass < topP * all) mass += one, ++cut.ties;
    }
    const double target = draw * mass;
    const unsigned key =
        max(cut.key, scores.greatest([&](const Scores::Sum& sum) { return sum.weight > target; }));
    const Scores::Sum above = scores.between(key + 1, ~0u), equal = scores.between(key, key);
    const int there = key == cut.key ? cut.ties : equal.number;
    const double place = (target - above.weight) / (equal.weight / equal.number);
    if (thread == 0) found = best.id;
    __syncthreads();
    id = tieAt(scores, key, max(0, min(there - 1, static_cast<int>(place))), &found);
  }
  if (thread > 0) return;
  if (id >= 0) seen[id] = 1;
  decoded.moveTo(id);
}

}  // namespace

#define MLAB_SAMPLE(T, STORAGE)                                                                             \
  extern "C" __global__ void __launch_bounds__(kThreads) sampleToken_##STORAGE(                             \
      const T* logits, int count, unsigned char* seen, unsigned* keys, double* weights,                     \
      const double* options, int topK, unsigned* random, int* id, int* position, int* ring, int ringSize) { \
    sampleToken(logits, count, seen, keys, weights, options, topK, random, {id, position, ring, ringSize}); \
  }

MLAB_SAMPLE(float, float32)
MLAB_SAMPLE(bfloat16, bfloat16)
