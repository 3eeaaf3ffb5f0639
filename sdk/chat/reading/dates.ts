/** Times named in a text, with a date relative to today or a duration as their normal form. */

import type { CompiledDomain } from "../domain/compile.ts";
import type { Found } from "./amounts.ts";
import type { AnalysedText, Token } from "./normalise.ts";

const DAY = 86_400_000;

/** "2026-11-22": the day of a Date in local time, moved by some days. */
export function isoDay(now: Date, days = 0): string {
  const moved = new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${moved.getFullYear()}-${two(moved.getMonth() + 1)}-${two(moved.getDate())}`;
}

interface TimeMatch {
  from: number;
  to: number;
  normal: string;
}

/** All times of a text, from left to right. */
export function findTimes(text: AnalysedText, domain: CompiledDomain, now: Date): Found[] {
  const { tokens, raw } = text;
  const found: Found[] = [];
  const numeric = [...raw.matchAll(/\b(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}|\d{2}))?\b/g)];
  for (const match of numeric) {
    const normal = calendarDay(now, Number(match[1]), Number(match[2]) - 1, match[3]);
    if (normal !== undefined)
      found.push({ text: match[0], start: match.index, end: match.index + match[0].length, normal });
  }
  for (let i = 0; i < tokens.length; ) {
    const match = timeAt(text, i, domain, now);
    if (match === undefined) {
      i++;
      continue;
    }
    const start = tokens[match.from].start;
    const end = tokens[match.to - 1].end;
    if (!found.some((other) => start < other.end && other.start < end))
      found.push({ text: raw.slice(start, end), start, end, normal: match.normal });
    i = match.to;
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The longest time that begins at a token, with "depuis" before it and a part of the day after it. */
function timeAt(text: AnalysedText, at: number, domain: CompiledDomain, now: Date): TimeMatch | undefined {
  const { tokens } = text;
  const { sinceWords, dayParts, dayArticles } = domain.language;
  if (dayArticles.has(tokens[at].word) && sinceWords.has(tokens[at - 1]?.word)) return undefined;
  const since = sinceWords.has(tokens[at].word);
  const skip = since ? (dayArticles.has(tokens[at + 1]?.word) ? 2 : 1) : 0;
  const bare = plainTimeAt(text, at, domain, now);
  const after =
    since && tokens[at + skip] !== undefined ? plainTimeAt(text, at + skip, domain, now) : undefined;
  const match = after !== undefined && after.to > (bare?.to ?? 0) ? { ...after, from: at } : bare;
  if (match === undefined) return undefined;
  const next = tokens[match.to]?.word;
  if (dayParts.has(next) && !/:|^P/.test(match.normal)) return { ...match, to: match.to + 1 };
  return match;
}

function plainTimeAt(
  text: AnalysedText,
  at: number,
  domain: CompiledDomain,
  now: Date,
): TimeMatch | undefined {
  const { tokens } = text;
  const { language, expressions } = domain;
  const relative = expressions.relativeDay.at(tokens, at);
  const loose = expressions.looseTime.at(tokens, at);
  if (loose !== undefined && loose.to > (relative?.to ?? 0) && !isOther(tokens, loose))
    return { from: at, to: loose.to, normal: loose.entry };
  if (relative !== undefined)
    return { from: at, to: relative.to, normal: isoDay(now, language.relativeDays.get(relative.entry)) };
  for (const [index, sign] of [[expressions.ago, -1] as const, [expressions.within, 1] as const]) {
    const lead = index.at(tokens, at);
    const span = lead === undefined ? undefined : period(tokens, lead.to, domain);
    if (span !== undefined) return { from: at, to: span.to, normal: isoDay(now, sign * span.days) };
  }
  const span = period(tokens, at, domain);
  // "une ado de 15 ans" has an age and no time.
  const age = language.isAge?.(tokens[at - 1]?.word ?? "", tokens[at + 1]?.word ?? "") ?? false;
  if (span !== undefined && !age) {
    if (language.agoEnds.has(tokens[span.to]?.word))
      return { from: at, to: span.to + 1, normal: isoDay(now, -span.days) };
    return { from: at, to: span.to, normal: span.normal };
  }
  const word = tokens[at].word;
  const day = /^\d{1,2}$/.test(word) ? Number(word) : language.firstOfMonth.has(word) ? 1 : undefined;
  const month = language.months.get(tokens[at + 1]?.word);
  if (day !== undefined && month !== undefined) {
    const year = /^\d{4}$/.test(tokens[at + 2]?.word ?? "") ? tokens[at + 2].word : undefined;
    const normal = calendarDay(now, day, month, year);
    if (normal !== undefined) return { from: at, to: at + (year === undefined ? 2 : 3), normal };
  }
  if (day !== undefined && isBareDay(text, at, domain)) {
    const normal = calendarDay(now, day, now.getMonth());
    if (normal !== undefined) return { from: at, to: at + 1, normal };
  }
  const weekday = language.weekdays.get(word) ?? language.weekdays.get(word.replace(/s$/, ""));
  if (weekday !== undefined) return weekdayMatch(text, at, weekday, now, language);
  const named = language.months.get(word);
  if (named !== undefined && !language.doubtfulMonths.has(word))
    return { from: at, to: at + 1, normal: word };
  return undefined;
}

/** "commandé le 3": a day of no month, where the language has such days. */
function isBareDay(
  { raw, tokens }: AnalysedText,
  at: number,
  { language, lexicon }: CompiledDomain,
): boolean {
  if (language.isBareDay === undefined || tokens[at].text.length > 2) return false;
  const isAction = (index: number) =>
    lexicon.find(tokens).some(({ entry, to }) => entry.list === "actions" && to === index + 1);
  return language.isBareDay(raw, tokens, at, isAction);
}

/** Single words must stand as they are: their stems may be those of verbs ("hiver", "tarder"). */
function isOther(
  tokens: readonly Token[],
  { from, to, phrase }: { from: number; to: number; phrase: string },
): boolean {
  return to - from === 1 && tokens[from].word !== phrase.split(" ").at(-1);
}

/** As many letters before a weekday are read for a past tense. */
const TENSE_LETTERS = 60;

/** "samedi": the next one, or the one before after "depuis", before "dernier", and in the past tense. */
function weekdayMatch(
  { raw, tokens }: AnalysedText,
  at: number,
  weekday: number,
  now: Date,
  { sinceWords, dayArticles, coming, gone, happenedBefore }: CompiledDomain["language"],
): TimeMatch {
  const after = tokens[at + 1]?.stem ?? "";
  const before = tokens[at - 1]?.word;
  const lead = dayArticles.has(before) ? tokens[at - 2]?.word : before;
  const ahead = coming.before.has(before) || coming.after.test(after);
  const { start } = tokens[at];
  const past =
    gone.before.has(before) ||
    gone.after.test(after) ||
    sinceWords.has(lead) ||
    (!ahead && (happenedBefore?.test(raw.slice(Math.max(0, start - TENSE_LETTERS), start)) ?? false));
  const next = (weekday - now.getDay() + 7) % 7;
  const last = (now.getDay() - weekday + 7) % 7;
  const days = past ? -(last || 7) : next || 7;
  return {
    from: coming.before.has(before) || gone.before.has(before) ? at - 1 : at,
    to: coming.after.test(after) || gone.after.test(after) ? at + 2 : at + 1,
    normal: isoDay(now, days),
  };
}

/** "3 jours", "deux semaines", "24h": a length of time. */
function period(
  tokens: readonly Token[],
  at: number,
  { language }: CompiledDomain,
): { days: number; to: number; normal: string } | undefined {
  const word = tokens[at]?.word ?? "";
  const count = /^\d+$/.test(word)
    ? Number(word)
    : (language.numbers.get(word) ?? (language.one.has(word) ? 1 : undefined));
  const unit = tokens[at + 1]?.word ?? "";
  const days = language.periods.get(unit);
  if (count === undefined || days === undefined) return undefined;
  // "9 h 40" is a time of day.
  const minutes = language.clockUnits.has(unit) && /^[0-5]\d$/.test(tokens[at + 2]?.word ?? "");
  if (minutes)
    return { days: 0, to: at + 3, normal: `${String(count).padStart(2, "0")}:${tokens[at + 2].word}` };
  return { days: count * days, to: at + 2, normal: days === 0 ? `${count} ${unit}` : `P${count * days}D` };
}

/** The day in its year, or without a year the one nearest to today; undefined where there is no such day. */
function calendarDay(now: Date, day: number, month: number, year?: string): string | undefined {
  if (month < 0 || month > 11 || day < 1 || day > 31) return undefined;
  const given = year === undefined ? undefined : Number(year.length === 2 ? `20${year}` : year);
  const candidates = given === undefined ? [-1, 0, 1].map((d) => now.getFullYear() + d) : [given];
  const dates = candidates.map((y) => new Date(y, month, day)).filter((date) => date.getDate() === day);
  dates.sort((a, b) => Math.abs(+a - +now) - Math.abs(+b - +now) || DAY);
  return dates.length === 0 ? undefined : isoDay(dates[0]);
}
