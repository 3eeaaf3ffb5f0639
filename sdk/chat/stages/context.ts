/**
 * Stage 2: how the query relates to the conversation. Signs of a reference (recall, continuation, pronoun
 * without a noun before it, bare fragment) say that it cannot be understood alone; otherwise the theme vector
 * of the query, compared with that of the conversation, tells the same topic from a new one.
 */
import type { CompiledDomain } from "../compile.ts";
import { withoutCourtesy } from "../domainWords.ts";
import type { AnalysedText, Token } from "../normalise.ts";
import {
  type Conversation,
  type Evidence,
  evidenceAt,
  type QuestionStage,
  type StageInput,
  type StageResult,
} from "../stage.ts";

export type Relation = "refers_to_previous" | "same_topic" | "new_topic";

/** What the context stage finds. */
export interface ContextValue {
  relation: Relation;
  /** How likely the query leans on earlier turns, 0 to 1. */
  reference: number;
  /** Cosine between the themes of the query and of the conversation. */
  similarity: number;
  /** Theme vector of the query, of length 1 or 0. */
  queryThemes: Record<string, number>;
  /** Theme vector of the conversation, the query included: where the talk stands now. */
  themes: Record<string, number>;
  /** Messages of the customer before the query. */
  earlierTurns: number;
}

/** Each turn back counts this much of the turn after it. */
const DECAY = 0.6;
/** An assistant's answer moves the topic less than what the customer asks. */
const ASSISTANT_SHARE = 0.4;
/** Below this, a longer sentence that begins with "et" is about something else all the same. */
const OTHER_TOPIC = 0.2;
const REFERENCE_LIMIT = 0.5;
const SAME_TOPIC_LIMIT = 0.5;
/** A thing that was named before keeps the topic, whatever is asked about it. */
const SHARED_NOUN = 0.7;
/** How many turns back are read. Beyond, the decay leaves less than 5 %. */
const TURNS_READ = 6;

/** Decides how a query relates to what was said before. */
export function context(input: StageInput): StageResult<ContextValue> {
  const { query, conversation, domain } = input;
  const evidence: Evidence[] = [];
  const earlier = conversation.messages.filter((message) => message.role !== "system");
  const earlierTurns = earlier.filter((message) => message.role === "user").length;
  const before = conversationThemes(conversation, domain);
  const own = themeVector(query, domain, evidence);
  addCategory(own, input);
  const similarity = Math.max(cosine(own, before), sharesNoun(input) ? SHARED_NOUN : 0);
  const courtesyOnly = input.earlier.categorise?.courtesyOnly ?? false;
  const reference =
    earlierTurns === 0 || courtesyOnly ? 0 : referenceScore(query, input, own, similarity, evidence);
  const relation: Relation =
    reference >= REFERENCE_LIMIT
      ? "refers_to_previous"
      : earlierTurns > 0 && similarity >= SAME_TOPIC_LIMIT
        ? "same_topic"
        : "new_topic";
  const themes = new Map([...before].map(([theme, weight]) => [theme, weight * DECAY]));
  for (const [theme, weight] of own) themes.set(theme, (themes.get(theme) ?? 0) + weight);
  return {
    value: {
      relation,
      reference,
      similarity,
      queryThemes: toRecord(unit(own)),
      themes: toRecord(unit(themes)),
      earlierTurns,
    },
    summary: [relation, ...topThemes(unit(own))].join(" · "),
    scores: {
      refers_to_previous: reference,
      same_topic: earlierTurns === 0 ? 0 : (1 - reference) * similarity,
      new_topic: earlierTurns === 0 ? 1 : (1 - reference) * (1 - similarity),
    },
    evidence,
  };
}

/** Whether the query names goods that the last turns named. */
function sharesNoun({ query, conversation, domain }: StageInput): boolean {
  const things = (tokens: readonly Token[]) =>
    domain.lexicon.find(tokens).flatMap(({ entry }) => (isThing(entry.list) ? [entry.word.normal] : []));
  const own = things(query.tokens);
  if (own.length === 0) return false;
  const before = conversation.messages
    .slice(-4)
    .flatMap(({ content }) => things(domain.analyse(content).tokens));
  return own.some((name) => before.includes(name));
}

type Themes = Map<string, number>;

/** How strongly a text speaks for each theme. */
export function themeVector(text: AnalysedText, domain: CompiledDomain, evidence?: Evidence[]): Themes {
  const themes: Themes = new Map();
  text.tokens.forEach((token, i) => {
    for (const { theme, weight } of domain.themes.get(token.stem) ?? []) {
      themes.set(theme, (themes.get(theme) ?? 0) + weight);
      evidence?.push(evidenceAt(text, `theme ${theme}`, i, i + 1, weight));
    }
  });
  return themes;
}

/** The category carries a theme too, also where the query uses none of the theme's words. */
function addCategory(themes: Themes, { earlier, domain }: StageInput): void {
  const found = earlier.categorise;
  if (found === undefined || found.courtesyOnly) return;
  for (const [name, theme] of Object.entries(domain.domain.themes))
    if (theme.categories.includes(found.category))
      themes.set(name, (themes.get(name) ?? 0) + found.confidence);
}

function conversationThemes({ messages }: Conversation, domain: CompiledDomain): Themes {
  const themes: Themes = new Map();
  const recent = messages.filter((message) => message.role !== "system").slice(-2 * TURNS_READ);
  let turns = 0;
  for (const { role, content } of [...recent].reverse()) {
    const text = domain.analyse(content);
    const vector = themeVector(text, domain);
    if (role === "user") {
      const rest = withoutCourtesy(text.tokens, domain.courtesy);
      const p = domain.classifier.probabilities(rest);
      const best = p.indexOf(Math.max(...p));
      const { id } = domain.domain.categories[best];
      for (const [name, theme] of Object.entries(domain.domain.themes))
        if (theme.categories.includes(id)) vector.set(name, (vector.get(name) ?? 0) + p[best]);
    }
    const share = DECAY ** turns * (role === "user" ? 1 : ASSISTANT_SHARE);
    for (const [theme, weight] of unit(vector)) themes.set(theme, (themes.get(theme) ?? 0) + share * weight);
    if (role === "user") turns++;
  }
  return themes;
}

/** How much a query leans on earlier turns: the strongest sign, a little more for each further one. */
function referenceScore(
  query: AnalysedText,
  input: StageInput,
  own: Themes,
  similarity: number,
  evidence: Evidence[],
): number {
  const { conversation, domain } = input;
  const { language, expressions } = domain;
  const all = withoutCourtesy(query.tokens, domain.courtesy).filter((token) => /[\p{L}\d]/u.test(token.word));
  const begin = all.findIndex(({ word }) => !language.interjections.has(word));
  // "oui" alone replies to what was said.
  const tokens = begin < 0 ? all : all.slice(begin);
  if (tokens.length === 0) return 0;
  const text: AnalysedText = { raw: query.raw, tokens };
  const signs: number[] = [];
  const sign = (rule: string, from: number, to: number, weight: number) => {
    signs.push(weight);
    evidence.push(evidenceAt(text, rule, from, to, weight));
  };
  const fresh = expressions.newSubject.find(all);
  // "cet article" is named in full where a noun stands beside it; a demonstrative inside a long sentence may point at the shop.
  for (const { from, to } of expressions.recall.find(tokens)) sign("recall", from, to, 0.8);
  // "ok, mais pour deux" continues, and so does "mais pour deux".
  const at = expressions.continuation.at(all, 0) === undefined ? tokens : all;
  const lead = expressions.continuation.at(at, 0);
  // "alors" before a whole sentence with its own topic is a mere pause; before a fragment it continues.
  const otherTopic = tokens.length >= 5 && own.size > 0 && similarity < OTHER_TOPIC;
  if (lead !== undefined)
    sign("continuation", 0, Math.min(lead.to, tokens.length), at.length <= 7 && !otherTopic ? 0.75 : 0.35);
  if (tokens.length <= 5 && pointsBack(query, tokens, domain)) sign("points back", 0, 1, 0.6);
  const pronoun = loosePronoun(query, tokens, domain);
  if (pronoun >= 0) sign("pronoun without a noun before it", pronoun, pronoun + 1, 0.6);
  const content = tokens.filter((token) => !language.stopWords.has(token.word));
  const named = domain.lexicon.find(tokens);
  const impersonal = expressions.emptyPronoun.at(tokens, 0) !== undefined;
  if (content.length <= 1 && tokens.length <= 4 && own.size === 0 && named.length === 0 && !impersonal)
    sign("fragment without a topic", 0, tokens.length, 0.6);
  if (content.length === 0 && tokens.length <= 4) sign("question word alone", 0, tokens.length, 0.6);
  // "rien reçu", "à Lyon", "demain": a trouble, a place or a time of something that is not named.
  const partial = named.every(({ entry }) => entry.list === "concerns" || entry.list === "locations");
  if (tokens.length <= 4 && named.length > 0 && partial && own.size === 0)
    sign("nothing named that it is about", 0, tokens.length, 0.6);
  if (tokens.length <= 6 && namesWhatWasAnswered(tokens, input)) sign("names what was answered", 0, 2, 0.6);
  if (repliesToQuestion(conversation, query, tokens)) sign("replies to a question", 0, tokens.length, 0.7);
  signs.sort((a, b) => b - a);
  const score = Math.min(1, (signs[0] ?? 0) + 0.15 * Math.max(0, signs.length - 1));
  return fresh.length > 0 ? score / 3 : score;
}

/** "c'est gratuit ?", "la lame aussi ?", "par mail ?", "ce changement": short, and about something said before. */
function pointsBack(
  query: AnalysedText,
  tokens: readonly Token[],
  { language, lexicon }: CompiledDomain,
): boolean {
  const { pointers } = language;
  const words = tokens.map(({ word }) => word);
  const goods = lexicon.find(tokens).some(({ entry }) => isThing(entry.list));
  if (pointers.ends.has(words[words.length - 1]) && words.length > 1) return true;
  if (words.length <= 3 && pointers.prepositions.has(words[0]) && !goods) return true;
  const typed = query.raw.slice(Math.max(0, tokens[0].start - 2), tokens[0].end).trim();
  // "c'est quoi vos horaires" asks for what it names; "c'est gratuit" tells of something else.
  if (pointers.itIs.test(typed))
    return (
      !words.slice(1).some((word) => pointers.asksAnew.has(word) || language.determiners.has(word)) && !goods
    );
  return words.some(
    (word, i) =>
      pointers.these.has(word) &&
      words[i + 1] !== undefined &&
      !language.periods.has(words[i + 1]) &&
      !pointers.days.has(words[i + 1]) &&
      !goods,
  );
}

/** "le lien marche plus" after "cliquez sur le lien": the thing is one that the answer brought up. */
function namesWhatWasAnswered(tokens: readonly Token[], { conversation, domain }: StageInput): boolean {
  const [first, second] = tokens;
  if (second === undefined || !domain.language.objectPronouns.has(first.word) || second.word.length < 4)
    return false;
  const { messages } = conversation;
  const said = (role: string) => {
    const content = messages.findLast((message) => message.role === role)?.content ?? "";
    return domain.analyse(content).tokens.some(({ noun }) => noun === second.noun);
  };
  return said("assistant") && !said("user");
}

/** A few words after the assistant has asked something, and no question themselves. */
function repliesToQuestion(
  { messages }: Conversation,
  query: AnalysedText,
  tokens: readonly Token[],
): boolean {
  const last = messages.at(-1);
  if (last?.role !== "assistant" || !/\?\s*$/.test(last.content)) return false;
  return tokens.length <= 4 && !/\?\s*$/.test(query.raw);
}

/** The first pronoun that no noun of the query comes before, or -1. */
function loosePronoun(query: AnalysedText, tokens: readonly Token[], domain: CompiledDomain): number {
  const { language, expressions, lexicon } = domain;
  const nouns = new Set(lexicon.find(tokens).flatMap((m) => (isThing(m.entry.list) ? [m.from] : [])));
  for (let i = 0; i < tokens.length; i++) {
    if (nouns.has(i)) return -1;
    // "ça va ?" stands for nothing, "ça va être long ?" does.
    if (tokens.length <= 3 && tokens[i].word === "ca" && tokens[i + 1]?.word === "va") return -1;
    const { word, start } = tokens[i];
    const before = tokens[i - 1]?.word;
    // After a subject "la" is no article: "je ne la trouve pas"; nor between a modal and an infinitive.
    const infinitive = /(?:er|ir|re)$/.test(tokens[i + 1]?.word ?? "") && language.modals.has(before);
    const object = language.objectPronouns.has(word) && (language.subjects.has(before) || infinitive);
    // "l'envoyer", "l'ai": the elided pronoun is no token of its own.
    const elided =
      /(?:^|\s)l['’]$/i.test(query.raw.slice(Math.max(0, start - 3), start)) &&
      (/^(?:ai|as|a|avez|avons|ont|avais|avoir)$/.test(word) ||
        (/(?:er|ir|re)$/.test(word) &&
          (language.modals.has(before) ||
            language.subjects.has(before) ||
            /^(?:me|te|se)$/.test(before ?? ""))));
    if (!object && !elided && !language.pronouns.has(word)) continue;
    const empty = [i - 2, i - 1, i].some((at) => {
      const match = at >= 0 ? expressions.emptyPronoun.at(tokens, at) : undefined;
      return match !== undefined && match.to > i;
    });
    if (empty) continue;
    // A content word of any length before the pronoun may be its noun: "le hamac est-il lourd".
    const noun =
      !language.demonstratives.has(word) &&
      tokens
        .slice(0, i)
        .some(
          (t) => t.word.length > 3 && !language.stopWords.has(t.word) && !language.noAntecedents.has(t.word),
        );
    if (!noun) return i;
  }
  return -1;
}

function isThing(list: string): boolean {
  return list === "products" || list === "productKinds";
}

function cosine(a: Themes, b: Themes): number {
  const [x, y] = [unit(a), unit(b)];
  let dot = 0;
  for (const [theme, weight] of x) dot += weight * (y.get(theme) ?? 0);
  return dot;
}

function unit(themes: Themes): Themes {
  const norm = Math.sqrt([...themes.values()].reduce((sum, weight) => sum + weight * weight, 0));
  return norm === 0 ? new Map() : new Map([...themes].map(([theme, weight]) => [theme, weight / norm]));
}

function toRecord(themes: Themes): Record<string, number> {
  return Object.fromEntries([...themes].sort(([, a], [, b]) => b - a));
}

function topThemes(themes: Themes): string[] {
  return [...themes]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 2)
    .map(([theme]) => theme);
}

export const contextStage: QuestionStage<ContextValue> = {
  name: "context",
  looksAt: "question",
  run: context,
};
