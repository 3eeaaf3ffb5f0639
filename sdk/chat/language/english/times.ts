/** Times in English. Every word is folded. */
import { list } from "../lists.ts";
import type { TimeWords } from "../timeWords.ts";

export const englishTimes = {
  months: new Map(
    list("january february march april may june july august september october november december").map(
      (m, i) => [m, i],
    ),
  ),
  // "may" is far more often a verb than a month.
  doubtfulMonths: new Set(list("may march")),
  weekdays: new Map(list("sunday monday tuesday wednesday thursday friday saturday").map((d, i) => [d, i])),
  relativeDays: new Map([
    ["day before yesterday", -2],
    ["day after tomorrow", 2],
    ["today", 0],
    ["yesterday", -1],
    ["tomorrow", 1],
    ["this morning", 0],
    ["tonight", 0],
    ["this evening", 0],
    ["right now", 0],
    ["next week", 7],
    ["last week", -7],
    ["next month", 30],
    ["last month", -30],
    ["last year", -365],
  ]),
  periods: new Map(
    Object.entries({
      ...{
        second: 0,
        seconds: 0,
        minute: 0,
        minutes: 0,
        hour: 0,
        hours: 0,
        day: 1,
        days: 1,
        week: 7,
        weeks: 7,
      },
      ...{ month: 30, months: 30, year: 365, years: 365 },
    }),
  ),
  one: new Set(list("a an one")),
  agoWords: ["since", "for the last"],
  inWords: ["in", "within", "after"],
  agoEnds: new Set(["ago"]),
  dayParts: new Set(list("morning evening night afternoon noon")),
  sinceWords: new Set(["since"]),
  coming: { before: new Set(["next"]), after: /(?!)/ },
  gone: { before: new Set(["last"]), after: /(?!)/ },
  happenedBefore:
    /\b(?:\w{2,}ed|bought|got|sent|paid|made|came|went|was|were|did|broke|began|stopped)\b(?:\s+\w+){0,4}\s+(?:on\s+)?$/i,
  looseTimes: list("soon weekend weekday weekdays").concat([
    "at night",
    "every night",
    "as soon as possible",
  ]),
} satisfies Partial<TimeWords>;
