// The end of a decoding step that draws its token: repetition penalty, temperature, top-k and top-p as in
// sdk/generate/sampling.ts, from the same random numbers, and so the same tokens. Instead of a sort,
// thresholds are found by halving: each step sums the weights of all greater scores, in an order that is
// always the same. What top-k leaves is listed, and only that is looked at from there on. One block.
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

struct Sum {
  double weight;
  int number;
};
/** Of the block's threads, for every thread, in an order that is always the same. */
__device__ inline Sum sumOfBlock(Sum own) {
  __shared__ Sum ofWarps[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const auto sumOfWarp = [&] {
    for (int offset = 16; offset > 0; offset /= 2) {
      own.weight += __shfl_xor_sync(kFullWarp, own.weight, offset);
      own.number += __shfl_xor_sync(kFullWarp, own.number, offset);
    }
  };
  sumOfWarp();
  __syncthreads();  // the last sums have been read
  if (lane == 0) ofWarps[threadIdx.x / 32] = own;
  __syncthreads();
  own = ofWarps[lane];
  sumOfWarp();
  return own;
}

/** `visit(i, rank)` for each i below `count` with `isIn(i)`, of which `rank` have a lower i. By the block. */
template <class IsIn, class Visit>
__device__ inline void visitInOrder(int count, const IsIn& isIn, const Visit& visit) {
  __shared__ int ofWarps[kWarps];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int span = (count + kThreads - 1) / kThreads * 32, begin = warp * span;
  const auto vote = [&](int first) {
    const int i = first + lane;
    return __ballot_sync(kFullWarp, i < count && isIn(i));
  };
  int own = 0;
  for (int first = begin; first < begin + span; first += 32) own += __popc(vote(first));
  __syncthreads();  // the last numbers have been read
  if (lane == 0) ofWarps[warp] = own;
  __syncthreads();
  int before = 0;
  for (int w = 0; w < warp; ++w) before += ofWarps[w];
  for (int first = begin; first < begin + span; first += 32) {
    const unsigned votes = vote(first);
    if (votes >> lane & 1) visit(first + lane, before + __popc(votes & ((1u << lane) - 1)));
    before += __popc(votes);
  }
  __syncthreads();
}

struct Scores {
  int count;
  const unsigned* keys;
  /** Null: only numbers are asked for. */
  const double* weights;

  /** Of the scores with keys from `least` to `most`. */
  __device__ Sum between(unsigned least, unsigned most) const {
    Sum own{0, 0};
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
      if (keys[i] < least || keys[i] > most) continue;
      own.number += 1;
      if (weights) own.weight += weights[i];
    }
    return sumOfBlock(own);
  }
  /** The greatest key whose scores and all greater ones are enough: `isEnough(sum)`. */
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

/** What is drawn from: the first topK scores, in the order of their ids; room for all. */
struct Kept {
  int* ids;
  unsigned* keys;
  double* weights;
};

/** Draws by a number in [0, 1): the place among what is kept. */
__device__ inline int drawPlace(const Scores& kept, double topP, double draw) {
  __shared__ int found;
  const double all = kept.between(1, ~0u).weight;
  // The best scores are those above `least`, and the first `ties` of those with it.
  unsigned least = 1;
  int ties = kept.count;
  double mass = all;
  if (topP < 1.0) {
    least = kept.greatest([&](const Sum& sum) { return sum.weight >= topP * all; });
    const Sum above = kept.between(least + 1, ~0u), equal = kept.between(least, least);
    const double one = equal.weight / equal.number;
    ties = 0;
    mass = above.weight;
    while (ties < equal.number && mass < topP * all) mass += one, ++ties;
  }
  const double target = draw * mass;
  const unsigned key = max(least, kept.greatest([&](const Sum& sum) { return sum.weight > target; }));
  const Sum above = kept.between(key + 1, ~0u), equal = kept.between(key, key);
  const int there = key == least ? min(ties, equal.number) : equal.number;
  const double place = (target - above.weight) / (equal.weight / equal.number);
  const int tie = max(0, min(there - 1, static_cast<int>(place)));
  if (threadIdx.x == 0) found = 0;
  __syncthreads();
  visitInOrder(
      kept.count, [&](int i) { return kept.keys[i] == key; },
      [&](int i, int rank) {
        if (rank == tie) found = i;
      });
  return found;
}

/**
 * logits [count]; seen [count]: ids of the text so far, other than 0, and the chosen one becomes one of them;
 * keys [count] and `kept` are for the kernel; options [3]: temperature, topP, repetitionPenalty; random [4]:
 * the state of the generator. id, position, ring, ringSize: as of nextToken.
 */
template <class T>
__device__ inline void sampleToken(const T* logits, int count, unsigned char* seen, unsigned* keys,
                                   const Kept& kept, const double* options, int topK, unsigned* random,
                                   const Decoded& decoded) {
  beginInOrder();
  __shared__ double draw;
  const int thread = static_cast<int>(threadIdx.x);
  const double temperature = options[0], topP = options[1], penalty = options[2];
  const auto score = [&](int i) {
    const float logit = toFloat(logits[i]);
    if (penalty == 1.0 || !seen[i]) return logit;
    return static_cast<float>(logit > 0 ? logit / penalty : logit * penalty);
  };
  Choice best{0.0f, -1};
  for (int i = thread; i < count; i += kThreads) {
    const float own = score(i);
    best.join(own, i);
    keys[i] = keyOf(own);
  }
  best = bestOfBlock(best);
  int id = best.id;
  if (temperature > 0 && id >= 0) {  // for the whole block
    if (thread == 0) {
      Random generator{random};
      draw = generator.next();
    }
    __syncthreads();
    const Scores all{count, keys, nullptr};
    const int drawn = all.between(1, ~0u).number;
    unsigned least = 1;
    int number = drawn;
    if (topK > 0 && topK < drawn) {
      least = all.greatest([&](const Sum& sum) { return sum.number >= topK; });
      const int ties = topK - all.between(least + 1, ~0u).number;
      visitInOrder(
          count, [&](int i) { return keys[i] == least; },
          [&](int i, int rank) {
            if (rank >= ties) keys[i] = 0;
          });
      number = topK;
    }
    visitInOrder(
        count, [&](int i) { return keys[i] >= least; },
        [&](int i, int rank) {
          kept.ids[rank] = i;
          kept.keys[rank] = keys[i];
          kept.weights[rank] = exp((static_cast<double>(score(i)) - best.score) / temperature);
        });
    id = kept.ids[drawPlace({number, kept.keys, kept.weights}, topP, draw)];
  }
  if (thread > 0) return;
  if (id >= 0) seen[id] = 1;
  decoded.moveTo(id);
}

}  // namespace

#define MLAB_SAMPLE(T, STORAGE)                                                                        \
  extern "C" __global__ void __launch_bounds__(kThreads)                                               \
      sampleToken_##STORAGE(const T* logits, int count, unsigned char* seen, unsigned* keys, int* ids, \
                            unsigned* keptKeys, double* weights, const double* options, int topK,      \
                            unsigned* random, int* id, int* position, int* ring, int ringSize) {       \
    sampleToken(logits, count, seen, keys, {ids, keptKeys, weights}, options, topK, random,            \
                {id, position, ring, ringSize});                                                       \
  }

MLAB_SAMPLE(float, float32)
MLAB_SAMPLE(bfloat16, bfloat16)
