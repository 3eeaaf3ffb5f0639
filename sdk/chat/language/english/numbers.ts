/** Numbers, money and numbers of orders in English. Every word is folded. */
import { list } from "../lists.ts";
import type { NumberWords } from "../numberWords.ts";

const SMALL = list(
  `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
   seventeen eighteen nineteen twenty`,
);

export const englishNumbers = {
  numbers: new Map<string, number>([
    ...SMALL.map((word, value): [string, number] => [word, value]).filter(([word]) => word !== "one"),
    ...Object.entries({ thirty: 30, forty: 40, fifty: 50, sixty: 60, hundred: 100, thousand: 1000 }),
  ]),
  currencies: new Map([
    ["€", "EUR"],
    ["euros", "EUR"],
    ["$", "USD"],
    ["dollars", "USD"],
    ["£", "GBP"],
    ["pounds", "GBP"],
    ["quid", "GBP"],
  ]),
  units: new Map([
    ["eur", "€"],
    ["euro", "€"],
    ["h", "hour"],
    ["kilo", "kg"],
    ["l", "litr"],
    ["min", "minut"],
    ["year", "year"],
    ["month", "month"],
  ]),
  measures: new Set(list("day week hour minut € % kg cm m litr time point")),
  orderLead:
    /(?:cmd|order|n°|nº|no|num|number|ref|reference|ticket|invoice|tracking|parcel|case|return)\s*(?:(?:n°|nº|no|num|number|is|my|the|of)\s*){0,3}[\s:#°.,(]*$/,
  gluedUnits: list("st nd rd th days day to yrs p"),
  quantityBehind: /^\s?(?:euros?|eur\b|pounds|dollars|points?\b)/i,
  countBehind: /^\s?(?:euros|pounds|dollars|times|days)/i,
  phone: /\b0\d(?:[ .-]?\d\d){4}\b/g,
} satisfies Partial<NumberWords>;
