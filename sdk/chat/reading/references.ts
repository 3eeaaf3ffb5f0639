/**
 * Signs that a query cannot be understood without the turns before: recall, continuation, a pronoun without a noun before
 * it, a bare fragment. The context stage weighs them.
 */
import type { CompiledDomain } from "../domain/compile.ts";
import { withoutCourtesy } from "../domain/domainWords.ts";
import { type Conversation, type Evidence, evidenceAt, type StageInput } from "../stage.ts";
import type { AnalysedText, Token } from "./normalise.ts";

/** Below this, a longer sentence that begins with "et" is about something else all the same. */
const OTHER_TOPIC = 0.2;

/**
 * How much a query leans on earlier turns, 0 to 1: the strongest sign, a little more for each further one. `themes` says how
 * many themes the query has of its own, and how near they are to those of the conversation (cosine).
 */
export function referenceScore(
  query: AnalysedText,
  input: StageInput,
  themes: { size: number; similarity: number },
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
  const otherTopic = tokens.length >= 5 && themes.size > 0 && themes.similarity < OTHER_TOPIC;
  if (lead !== undefined)
    sign("continuation", 0, Math.min(lead.to, tokens.length), at.length <= 7 && !otherTopic ? 0.75 : 0.35);
  if (tokens.length <= 5 && pointsBack(query, tokens, domain)) sign("points back", 0, 1, 0.6);
  const pronoun = loosePronoun(query, tokens, domain);
  if (pronoun >= 0) sign("pronoun without a noun before it", pronoun, pronoun + 1, 0.6);
  const content = tokens.filter((token) => !language.stopWords.has(token.word));
  const named = domain.lexicon.find(tokens);
  const impersonal = expressions.emptyPronoun.at(tokens, 0) !== undefined;
  if (content.length <= 1 && tokens.length <= 4 && themes.size === 0 && named.length === 0 && !impersonal)
    sign("fragment without a topic", 0, tokens.length, 0.6);
  if (content.length === 0 && tokens.length <= 4) sign("question word alone", 0, tokens.length, 0.6);
  // "rien reçu", "à Lyon", "demain": a trouble, a place or a time of something that is not named.
  const partial = named.every(({ entry }) => entry.list === "concerns" || entry.list === "locations");
  if (tokens.length <= 4 && named.length > 0 && partial && themes.size === 0)
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
  const bare = words.every((word) => pointers.attributes.has(word) || language.stopWords.has(word));
  if (bare && words.length <= 3 && words.some((word) => pointers.attributes.has(word))) return true;
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
    if (tokens.length <= 3 && language.howAreYou.has(`${tokens[i].word} ${tokens[i + 1]?.word}`)) return -1;
    const { word } = tokens[i];
    const before = tokens[i - 1]?.word;
    // After a subject "la" is no article: "je ne la trouve pas"; nor between a modal and an infinitive.
    const infinitive = language.infinitive?.test(tokens[i + 1]?.word ?? "") && language.modals.has(before);
    const object = language.objectPronouns.has(word) && (language.subjects.has(before) || infinitive);
    // "l'envoyer": the elided pronoun is no token of its own.
    const elided = language.elidedObjectAt?.(query.raw, tokens, i) ?? false;
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

/** Goods, by name or by kind. */
export function isThing(list: string): boolean {
  return list === "products" || list === "productKinds";
}
