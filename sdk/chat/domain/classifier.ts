/**
 * The text classifier behind the categories: multinomial logistic regression over words, word pairs, pairs over a
 * gap, word beginnings, letter groups and the things that words name ("@goods"), trained on the domain's keywords and example
 * phrases when it is loaded. Linear, so every decision is a sum that the trace can show word by word.
 * Deterministic: fixed order, no random start.
 */
import type { Language } from "../language/language.ts";
import type { Token } from "../reading/normalise.ts";

/** A feature of a text: its name, its strength and the tokens that it comes from. */
interface Feature {
  name: string;
  value: number;
  from: number;
  to: number;
}

/** One labelled phrase to learn from. */
export interface LabelledPhrase {
  label: number;
  tokens: Token[];
  /** How much it counts; 1 for an example. */
  weight: number;
}

/** The part of a label's score that some tokens gave. */
export interface Contribution {
  from: number;
  to: number;
  weight: number;
}

/** What a token stands for: "@goods". `instead` says that its own word does not count beside it. */
export type TokenClass = { name: string; instead: boolean } | undefined;

/** Passes over the phrases. The accuracy on the development set is flat from 20 on. */
const EPOCHS = 30;
const STEP = 0.5;
/** Shrinks weights a little in each pass: a word seen once may not decide alone. */
const DECAY = 0.002;
const STOP_WORD_VALUE = 0.45;
const PAIR_VALUE = 0.9;
const BEGINNING_VALUE = 0.6;
const BEGINNING_LETTERS = 5;
const SKIP_VALUE = 0.3;
/** Letters in a row: what typing errors leave of a word. */
const GRAM_LETTERS = 4;
const GRAM_VALUE = 0.3;
const CLASS_VALUE = 0.8;

export class Classifier {
  readonly labels: number;
  readonly #language: Language;
  /** Extra class names of a token, such as "@product". */
  readonly #classes: (tokens: readonly Token[]) => TokenClass[];
  readonly #index = new Map<string, number>();
  /** Weights, one row of `labels` values a feature. */
  #weights = new Float64Array(0);
  readonly #bias: Float64Array;
  #last: { tokens: readonly Token[]; features: Feature[] } | undefined;

  constructor(
    phrases: LabelledPhrase[],
    labels: number,
    language: Language,
    classes: (tokens: readonly Token[]) => TokenClass[],
  ) {
    this.labels = labels;
    this.#language = language;
    this.#classes = classes;
    this.#bias = new Float64Array(labels);
    this.#train(phrases);
  }

  /** Probability of each label. */
  probabilities(tokens: readonly Token[]): Float64Array {
    const scores = Float64Array.from(this.#bias);
    for (const feature of this.#features(tokens)) {
      const row = this.#index.get(feature.name);
      if (row === undefined) continue;
      for (let k = 0; k < this.labels; k++) scores[k] += this.#weights[row * this.labels + k] * feature.value;
    }
    return softmax(scores);
  }

  /** How much each token or pair of tokens speaks for a label against the mean of the others, most first. */
  contributions(tokens: readonly Token[], label: number): Contribution[] {
    const sums = new Map<string, Contribution>();
    for (const { name, value, from, to } of this.#features(tokens)) {
      const row = this.#index.get(name);
      if (row === undefined) continue;
      let mean = 0;
      for (let k = 0; k < this.labels; k++) mean += this.#weights[row * this.labels + k] / this.labels;
      const weight = (this.#weights[row * this.labels + label] - mean) * value;
      const key = `${from} ${to}`;
      const sum = sums.get(key);
      if (sum === undefined) sums.set(key, { from, to, weight });
      else sum.weight += weight;
    }
    return [...sums.values()].sort((a, b) => b.weight - a.weight);
  }

  /** The features of a text; the decision and its evidence ask for the same ones. */
  #features(tokens: readonly Token[]): Feature[] {
    if (this.#last?.tokens === tokens) return this.#last.features;
    const features = this.#read(tokens);
    this.#last = { tokens, features };
    return features;
  }

  #read(tokens: readonly Token[]): Feature[] {
    const features: Feature[] = [];
    const classes = this.#classes(tokens);
    let squares = 0;
    const add = (name: string, value: number, from: number, to: number) => {
      features.push({ name, value, from, to });
      squares += value * value;
    };
    // What a token is called in pairs of tokens.
    const key = (i: number) => (classes[i]?.instead === true ? classes[i].name : tokens[i].stem);
    tokens.forEach((token, i) => {
      const stop = this.#language.stopWords.has(token.word);
      const own = classes[i];
      if (own !== undefined) add(own.name, CLASS_VALUE, i, i + 1);
      if (own?.instead !== true) {
        add(/^\d/.test(token.word) ? "#" : token.stem, stop ? STOP_WORD_VALUE : 1, i, i + 1);
        if (!stop && token.word.length >= BEGINNING_LETTERS)
          add(`${token.word.slice(0, BEGINNING_LETTERS)}*`, BEGINNING_VALUE, i, i + 1);
        if (!stop && token.word.length >= GRAM_LETTERS) {
          const word = `_${token.word}_`;
          for (let g = 0; g + GRAM_LETTERS <= word.length; g++)
            add(word.slice(g, g + GRAM_LETTERS), GRAM_VALUE, i, i + 1);
        }
      }
      if (i > 0) add(`${key(i - 1)} ${key(i)}`, PAIR_VALUE, i - 1, i + 1);
      if (i > 1) add(`${key(i - 2)} _ ${key(i)}`, SKIP_VALUE, i - 2, i + 1);
    });
    // Long sentences may not shout louder than short ones; the floor keeps one vague word from shouting.
    const scale = 1 / Math.sqrt(Math.max(squares, 1.5));
    for (const feature of features) feature.value *= scale;
    return features;
  }

  #train(phrases: LabelledPhrase[]): void {
    const { labels } = this;
    // One phrase after another in flat arrays: the inner loops run a million times.
    const rows: number[] = [];
    const values: number[] = [];
    const ends: number[] = [];
    for (const { tokens } of phrases) {
      for (const { name, value } of this.#features(tokens)) {
        let row = this.#index.get(name);
        if (row === undefined) {
          row = this.#index.size;
          this.#index.set(name, row);
        }
        rows.push(row * labels);
        values.push(value);
      }
      ends.push(rows.length);
    }
    const [at, x] = [Int32Array.from(rows), Float64Array.from(values)];
    const weights = new Float64Array(this.#index.size * labels);
    const bias = this.#bias;
    // A big category may not swallow the others only because its author wrote more examples.
    const sizes = new Float64Array(labels);
    for (const { label, weight } of phrases) sizes[label] += weight;
    const mean = phrases.reduce((sum, { weight }) => sum + weight, 0) / labels;
    const scores = new Float64Array(labels);
    // A stride that shares no factor with the length visits all phrases, far from their order in the file.
    const stride = coprimeNear(phrases.length * 0.618, phrases.length);
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const step = STEP / (1 + epoch / 10);
      const keep = 1 - step * DECAY;
      for (let visit = 0, i = 0; visit < phrases.length; visit++, i = (i + stride) % phrases.length) {
        const { label, weight } = phrases[i];
        const [from, to] = [i === 0 ? 0 : ends[i - 1], ends[i]];
        scores.set(bias);
        for (let f = from; f < to; f++) {
          const [row, value] = [at[f], x[f]];
          for (let k = 0; k < labels; k++) scores[k] += weights[row + k] * value;
        }
        softmaxInto(scores);
        const rate = step * weight * Math.sqrt(mean / sizes[label]);
        for (let k = 0; k < labels; k++) {
          scores[k] = rate * ((k === label ? 1 : 0) - scores[k]);
          bias[k] += 0.05 * scores[k];
        }
        for (let f = from; f < to; f++) {
          const [row, value] = [at[f], 2 * x[f]];
          for (let k = 0; k < labels; k++) weights[row + k] = weights[row + k] * keep + scores[k] * value;
        }
      }
    }
    this.#weights = weights;
  }
}

/** exp(scores) / sum; safe for large scores. */
export function softmax(scores: Float64Array): Float64Array {
  return softmaxInto(Float64Array.from(scores));
}

function softmaxInto(scores: Float64Array): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < scores.length; k++) if (scores[k] > max) max = scores[k];
  let sum = 0;
  for (let k = 0; k < scores.length; k++) {
    scores[k] = Math.exp(scores[k] - max);
    sum += scores[k];
  }
  for (let k = 0; k < scores.length; k++) scores[k] /= sum;
  return scores;
}

function coprimeNear(near: number, length: number): number {
  let stride = Math.max(1, Math.floor(near));
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  while (gcd(stride, length) !== 1) stride++;
  return stride;
}
