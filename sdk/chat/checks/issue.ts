/** How the checks look at an answer and say what is wrong with it. */
import type { CompiledDomain } from "../domain/compile.ts";
import type { AnalysedText, Token } from "../reading/normalise.ts";
import type { PhraseIndex } from "../reading/phrases.ts";
import { type Evidence, evidenceAt } from "../stage.ts";
import type { ConsistencyIssue, IssueKind } from "../stages/consistency.ts";

/** An issue that makes an answer inconsistent. */
export function error(kind: IssueKind, message: string, evidence: Evidence[] = []): ConsistencyIssue {
  return { kind, severity: "error", message, evidence };
}

/** Whether a text holds a phrase of an index. */
export function has(tokens: readonly Token[], index: PhraseIndex<string>): boolean {
  return tokens.some((_, i) => index.at(tokens, i) !== undefined);
}

/** The first phrase of an index in a text, as evidence. */
export function firstOf(text: AnalysedText, index: PhraseIndex<string>, rule: string): Evidence | undefined {
  for (let i = 0; i < text.tokens.length; i++) {
    const match = index.at(text.tokens, i);
    if (match !== undefined) return evidenceAt(text, rule, i, match.to, 1);
  }
  return undefined;
}

/** The parts of a text between full stops. */
export function sentences(text: AnalysedText): Token[][] {
  const parts: Token[][] = [[]];
  text.tokens.forEach((token, i) => {
    const gap = i === 0 ? "" : text.raw.slice(text.tokens[i - 1].end, token.start);
    if (/[.;!?]/.test(gap) && parts[parts.length - 1].length > 0) parts.push([]);
    if (/[\p{L}\d€]/u.test(token.word)) parts[parts.length - 1].push(token);
  });
  return parts.filter((part) => part.length > 0);
}

/** Whether a clause is negated: "ne … pas", "plus", "n't". */
export function isNegated(tokens: readonly Token[], domain: CompiledDomain): boolean {
  return domain.language.isNegated(tokens);
}

/** Stems of topic of a text. */
export function topicStems(tokens: readonly Token[], domain: CompiledDomain): Set<string> {
  return domain.facts.stems(tokens);
}

/** Shared stems over the geometric mean of both sizes: 0 to 1. */
export function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const stem of a) if (b.has(stem)) shared++;
  return shared / Math.sqrt(a.size * b.size || 1);
}
